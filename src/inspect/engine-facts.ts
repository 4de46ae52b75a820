import { readDynamic } from "./elf/dynamic.ts";
import { readElf } from "./elf/image.ts";
import { openSymbols } from "./elf/symbols.ts";
import { wantedVersions } from "./elf/versions.ts";
import { withFile } from "./file-bytes.ts";
import { type BuildInfo, readBuildInfo, withoutFrame } from "./go/build-info.ts";
import { type LinkSymbols, readLinkSymbols } from "./go/link-symbols.ts";
import { type ModuleInfo, parseModuleInfo } from "./go/module-info.ts";
import { readSourcePaths } from "./go/source-paths.ts";
import { type Libc, libcOf } from "./libc.ts";
import { Unreadable } from "./unreadable.ts";

/** What an engine's binary tells about the plugins that it can load. */
export interface EngineFacts {
  readonly path: string;
  readonly cpu: string;
  readonly libc: Libc;
  /** The shared libraries that it asks for, which are there when a plugin asks for them. */
  readonly libraries: readonly string[];
  readonly rpath: string;
  readonly goVersion: string;
  readonly modules: ModuleInfo;
  /** undefined for a Go program that can't load plugins. */
  readonly symbols: LinkSymbols | undefined;
  /** Whether it was built with `-trimpath`; undefined when the file doesn't tell. */
  readonly trimpath: boolean | undefined;
  /** The folder of the Go that built it, `""` with `-trimpath`, undefined when the file doesn't tell. */
  readonly goRoot: string | undefined;
}

/**
 * Reads an engine's binary.
 *
 * @returns a sentence about why there is nothing to compare with
 */
export async function readEngine(path: string): Promise<EngineFacts | string> {
  try {
    const facts = await withFile(path, async (file) => {
      const image = await readElf(file);
      if (image === undefined) return `the engine's file ${path} is no ELF file`;
      const dynamic = await readDynamic(image);
      const symbols = dynamic && (await readLinkSymbols(await openSymbols(image, dynamic)));
      const build = await readBuildInfo(image);
      const isGo = build !== undefined || (symbols?.hashes.size ?? 0) > 0;
      if (!isGo) return `the engine's file ${path} is no Go program`;
      const versions = dynamic === undefined ? [] : await wantedVersions(image, dynamic);
      const modules = modulesOf(build, symbols);
      const trimpath = trimpathOf(modules);
      // Before Go 1.18 nothing but the names of source files tells how it was built.
      const isTold = trimpath === true || symbols?.goRoot !== undefined;
      const goRoot = isTold ? symbols?.goRoot : (await readSourcePaths(image, [])).goRoot;
      return {
        path,
        cpu: image.cpu,
        libc: libcOf(image, dynamic, versions),
        libraries: dynamic?.needed ?? [],
        rpath: dynamic === undefined || dynamic.runpath !== "" ? "" : dynamic.rpath,
        goVersion: build?.goVersion || symbols?.goVersion || "",
        modules,
        symbols: symbols?.hashes.size ? symbols : undefined,
        trimpath: trimpath ?? (goRoot === undefined ? undefined : goRoot === ""),
        goRoot,
      };
    });
    return facts ?? `the engine's file ${path} is no regular file`;
  } catch (error) {
    if (error instanceof Unreadable) return `the engine's file ${path} can't be read: ${error.message}`;
    return `the engine's file ${path} can't be opened: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function modulesOf(build: BuildInfo | undefined, symbols: LinkSymbols | undefined): ModuleInfo {
  if (build?.modules.main !== undefined || symbols === undefined) return build?.modules ?? parseModuleInfo("");
  return parseModuleInfo(withoutFrame(symbols.moduleInfo));
}

/** undefined when it was built before Go 1.18, which is when it became a part of the build information. */
function trimpathOf({ settings }: ModuleInfo): boolean | undefined {
  return settings.has("-compiler") ? settings.get("-trimpath") === "true" : undefined;
}
