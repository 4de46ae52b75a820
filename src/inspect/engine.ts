import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readDynamic, wantedVersions } from "./elf/dynamic.ts";
import { readElf } from "./elf/image.ts";
import { openSymbols } from "./elf/symbols.ts";
import { withFile } from "./file-bytes.ts";
import { type BuildInfo, type ModuleInfo, parseModuleInfo, readBuildInfo, withoutFrame } from "./go/build-info.ts";
import { type LinkSymbols, readLinkSymbols } from "./go/link-symbols.ts";
import { readSourcePaths } from "./go/source-paths.ts";
import { type Libc, libcOf } from "./libc.ts";
import { Unreadable } from "./pace.ts";

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

/** Names of the engine's binary in the base folder; of Kuiper, `kuiper` and `server` are of some versions only. */
const USUAL = ["kuiperd", "kuiper", "server"];

/** A file that may be the engine. */
export interface EngineFile {
  readonly path: string;
  /** Another one when the file is replaced or written to. */
  readonly identity: string;
  /** Whether it was named, or has the name that only the engine has: others may be the engine's command line. */
  readonly isCertain: boolean;
}

/** What a setting or an option names, else the usual names; relative ones start at `baseFolder`. */
export function enginePaths(binary: string, baseFolder: string): { path: string; isCertain: boolean }[] {
  if (binary !== "") return [{ path: resolve(baseFolder, binary), isCertain: true }];
  return USUAL.map((name, index) => ({ path: join(baseFolder, "bin", name), isCertain: index === 0 }));
}

/** Those of `paths` that are there. */
export async function findEngineFiles(paths: readonly { path: string; isCertain: boolean }[]): Promise<EngineFile[]> {
  const files = await Promise.all(paths.map(async (one) => ({ ...one, identity: await identityOf(one.path) })));
  return files.filter(({ identity }) => identity !== "");
}

/** `""` when there is no such file. The time of its last change of any kind shows what an unpacked time does not. */
async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].map((number) => number.toString(36)).join("-");
  } catch {
    return "";
  }
}

/** The configured engine and a few that requests name. */
const REMEMBERED = 4;

/** The engine to compare with. */
export interface Engine {
  /** `""` when there is no file. */
  readonly identity: string;
  /** Or a sentence about why there is nothing to compare with. */
  readonly facts: EngineFacts | string;
}

/** Gives an engine's facts, which it reads again only when the file has changed. */
export type EngineSource = (binary?: string) => Promise<Engine>;

/** @param configured `engine.binary` */
export function createEngineSource(configured: string, baseFolder: string): EngineSource {
  const known = new Map<string, Promise<EngineFacts | string>>();

  const factsOf = ({ path, identity }: EngineFile): Promise<EngineFacts | string> => {
    const key = `${identity} ${path}`;
    const facts = known.get(key) ?? readEngine(path);
    known.delete(key);
    known.set(key, facts); // the last one is the one that was used last
    const oldest = known.keys().next();
    if (known.size > REMEMBERED && !oldest.done) known.delete(oldest.value);
    // What kept it from being read may pass.
    facts.then((result) => typeof result === "string" && known.delete(key));
    return facts;
  };

  return async (binary = configured) => {
    const paths = enginePaths(binary, baseFolder);
    const files = await findEngineFiles(paths);
    const [first] = files;
    if (first === undefined) return { identity: "", facts: absent(paths) };
    for (const file of files) {
      const facts = await factsOf(file);
      if (typeof facts !== "string" && (facts.symbols !== undefined || file.isCertain)) {
        return { identity: file.identity, facts };
      }
    }
    const facts = await factsOf(first);
    return {
      identity: first.identity,
      facts: typeof facts === "string" ? facts : `${first.path} loads no plugins, so it is not the engine`,
    };
  };
}

function absent(paths: readonly { path: string }[]): string {
  const shown = paths.map(({ path }) => path).join(", ");
  return paths.length === 1 ? `the engine's file ${shown} is not there` : `there is no engine's file ${shown}`;
}
