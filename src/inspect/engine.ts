import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readDynamic } from "./elf/dynamic.ts";
import { readElf } from "./elf/image.ts";
import { openSymbols } from "./elf/symbols.ts";
import { Unreadable, withFile } from "./file-bytes.ts";
import { type BuildInfo, type ModuleInfo, parseModuleInfo, readBuildInfo, withoutFrame } from "./go/build-info.ts";
import { type EngineApi, readEngineApi } from "./go/engine-api.ts";
import { type LinkSymbols, readLinkSymbols } from "./go/link-symbols.ts";
import { readSourcePaths } from "./go/toolchain.ts";
import { type Libc, libcOf, neededVersions } from "./libc.ts";

/** What an engine's binary says about the plugins that it can load. */
export interface EngineFacts {
  readonly path: string;
  readonly cpu: string;
  readonly libc: Libc;
  /** The shared libraries that it needs, which are already loaded when a plugin needs them. */
  readonly libraries: readonly string[];
  readonly rpath: string;
  readonly goVersion: string;
  readonly modules: ModuleInfo;
  /** undefined for a Go program that can't load plugins. */
  readonly symbols: LinkSymbols | undefined;
  /** What it asks of plugins; undefined without one of Kuiper's packages, or why that can't be read. */
  readonly api: EngineApi | string | undefined;
  /** Whether it was built with `-trimpath`; undefined when unknown. */
  readonly trimpath: boolean | undefined;
  /** The folder of the Go that built it, `""` with `-trimpath`, undefined when unknown. */
  readonly goRoot: string | undefined;
}

/** The names of the engine's binary in `bin/`; of Kuiper, only some versions are called `kuiper` or `server`. */
const USUAL_NAMES = ["kuiperd", "kuiper", "server"];

/** How many engines are remembered: the configured one and a few that requests name. */
const MAX_REMEMBERED = 4;

/** The engine to compare with. */
interface Engine {
  /** Changes whenever the file does; `""` when there is no file. */
  readonly fingerprint: string;
  /** Or why there is nothing to compare with. */
  readonly facts: EngineFacts | string;
}

/**
 * Gives a function that returns the configured engine, or the one of a binary. It is only read again when its file has
 * changed.
 *
 * @param configured `engine.binary`
 */
export function createEngineSource(configured: string, baseFolder: string): (binary?: string) => Promise<Engine> {
  const known = new Map<string, Promise<EngineFacts | string>>();

  const factsOf = ({ path, fingerprint }: EngineFile): Promise<EngineFacts | string> => {
    const key = `${fingerprint} ${path}`;
    const facts = known.get(key) ?? readEngine(path);
    known.delete(key);
    known.set(key, facts); // the most recently used one comes last
    const oldest = known.keys().next();
    if (known.size > MAX_REMEMBERED && !oldest.done) known.delete(oldest.value);
    // What kept it from being read may pass.
    facts.then((result) => typeof result === "string" && known.delete(key));
    return facts;
  };

  return async (binary = configured) => {
    const candidates = engineCandidates(binary, baseFolder);
    const files = await findEngineFiles(candidates);
    const [first] = files;
    if (first === undefined) return { fingerprint: "", facts: absent(candidates) };
    for (const file of files) {
      const facts = await factsOf(file);
      if (typeof facts !== "string" && (facts.symbols !== undefined || file.isCertain)) {
        return { fingerprint: file.fingerprint, facts };
      }
    }
    const facts = await factsOf(first);
    return {
      fingerprint: first.fingerprint,
      facts: typeof facts === "string" ? facts : `${first.path} loads no plugins, so it is not the engine`,
    };
  };
}

/** Where the engine may be. */
interface EngineCandidate {
  readonly path: string;
  /** Whether it was named, or has the name that only the engine has: others may be the engine's command line. */
  readonly isCertain: boolean;
}

interface EngineFile extends EngineCandidate {
  /** Changes when the file is replaced or written to. */
  readonly fingerprint: string;
}

/** What a setting or an option names, else the usual names; relative paths start at `baseFolder`. */
function engineCandidates(binary: string, baseFolder: string): EngineCandidate[] {
  if (binary !== "") return [{ path: resolve(baseFolder, binary), isCertain: true }];
  return USUAL_NAMES.map((name, index) => ({ path: join(baseFolder, "bin", name), isCertain: index === 0 }));
}

/** The candidates that exist. */
async function findEngineFiles(candidates: readonly EngineCandidate[]): Promise<EngineFile[]> {
  const files = await Promise.all(
    candidates.map(async (one) => ({ ...one, fingerprint: await fingerprintOf(one.path) })),
  );
  return files.filter(({ fingerprint }) => fingerprint !== "");
}

/** `""` when there is no such file. An unpacked file has the old time of its content; `ctime` shows that it is new. */
async function fingerprintOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].map((number) => number.toString(36)).join("-");
  } catch {
    return "";
  }
}

function absent(candidates: readonly EngineCandidate[]): string {
  const paths = candidates.map(({ path }) => path).join(", ");
  return candidates.length === 1 ? `the engine's file ${paths} is not there` : `there is no engine's file ${paths}`;
}

/** @returns why there is nothing to compare with, if it can't be read */
async function readEngine(path: string): Promise<EngineFacts | string> {
  try {
    const facts = await withFile(path, async (file) => {
      const image = await readElf(file);
      if (image === undefined) return `the engine's file ${path} is no ELF file`;
      const dynamic = await readDynamic(image);
      const table = dynamic && (await openSymbols(image, dynamic));
      const symbols = table && (await readLinkSymbols(table));
      const build = await readBuildInfo(image);
      const isGo = build !== undefined || (symbols?.hashes.size ?? 0) > 0;
      if (!isGo) return `the engine's file ${path} is no Go program`;
      const versions = dynamic === undefined ? [] : await neededVersions(image, dynamic);
      const modules = modulesOf(build, symbols);
      const trimpath = trimpathOf(modules);
      // Before Go 1.18 only the names of source files say how it was built.
      const isKnown = trimpath === true || symbols?.goRoot !== undefined;
      const goRoot = isKnown ? symbols?.goRoot : (await readSourcePaths(image, [])).goRoot;
      const goVersion = build?.goVersion || symbols?.goVersion || "";
      const packages = symbols?.hashes ?? new Map();
      return {
        path,
        cpu: image.cpu,
        libc: libcOf(image, dynamic, versions),
        libraries: dynamic?.needed ?? [],
        rpath: dynamic === undefined || dynamic.runpath !== "" ? "" : dynamic.rpath,
        goVersion,
        modules,
        symbols: symbols?.hashes.size ? symbols : undefined,
        api: dynamic && table && (await readEngineApi({ image, dynamic, table, goVersion, packages })),
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
