import { dirname, resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import type { Compatibility, FunctionLookup, LinkIdentity } from "../domain/compatibility.ts";
import type { PluginType } from "../domain/plugin.ts";
import { createEngineSource, type EngineFacts } from "./engine.ts";
import { type FileBytes, TimeBudget, Unreadable, withFile } from "./file-bytes.ts";
import { readPluginSources, type SourcePaths } from "./go/toolchain.ts";
import { compareHashes, type Evidence, judge } from "./judge/judge.ts";
import { differingModules } from "./judge/problems.ts";
import { linkIdentityOf, type PluginFacts, type PluginReading, readPlugin } from "./plugin-facts.ts";
import { readPluginType } from "./plugin-type.ts";
import { readSymbolTypes } from "./symbol-types.ts";
import { type FoundLibraries, findLibraries } from "./system/libraries.ts";
import type { LibrarySearch } from "./system/library-folders.ts";
import { readSystemFacts, type SystemFacts, systemFingerprint } from "./system/system-facts.ts";

/** A plugin exports what the engine looks up: one symbol, or one for each function. */
const MAX_EXPORTS = 1000;

/** What the files of a plugin and of the engine say about whether the engine loads the plugin. */
export interface Inspection extends Compatibility {
  /** Of the engine's file that the plugin was compared with: changes whenever the file does; `""` without one. */
  readonly engineFingerprint: string;
  /** Upper-case functions and variables of the plugin's own package, sorted, at most 1000. */
  readonly exports: readonly string[];
  /** How the engine finds the plugin of a function; undefined when unknown. */
  readonly functionLookup: FunctionLookup | undefined;
  /** For comparing it with other plugins; undefined when the engine would compare nothing. */
  readonly identity: LinkIdentity | undefined;
  /** undefined when the file is no ELF file. */
  readonly plugin: PluginFacts | undefined;
  /** undefined when there was no engine to compare with. */
  readonly engineFacts: EngineSummary | undefined;
  /** The path of the engine's main module; undefined when unknown. */
  readonly engineModule?: string | undefined;
}

/** What is worth showing of the engine. */
interface EngineSummary {
  readonly path: string;
  /** Such as `go1.20.3`; `""` when unknown. */
  readonly goVersion: string;
  /** Go's name, such as `amd64`. */
  readonly cpu: string;
  readonly libc: PluginFacts["libc"];
  /** undefined when unknown. */
  readonly trimpath: boolean | undefined;
  /** How many Go modules it contains. */
  readonly modules: number;
}

export interface InspectOptions {
  /** Whether missing shared libraries count: not before install.sh, which may install them. True if absent. */
  readonly libraries?: boolean | undefined;
  /** The type of the plugin, which decides what its symbols have to be; undefined takes any. */
  readonly pluginType?: PluginType | undefined;
  /** Another engine's binary to compare with. */
  readonly engine?: string | undefined;
  /** The folder from which the plugin will be loaded, if that is another one: libraries may be named relative to it. */
  readonly folder?: string | undefined;
  /** Whether the plugin's file was written just now, so that no read of it waits for a disk. */
  readonly isInMemory?: boolean | undefined;
  /** Aborts the inspection; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

export interface Inspector {
  /**
   * Compares a plugin's file with the engine's. Reads only; takes a few milliseconds. A file that is no plugin, and an
   * engine that can't be read, are problems of the answer.
   *
   * @param requiredSymbols what the engine will look up, such as `Random`
   * @throws a system's error when the plugin's file can't be opened or read; the reason of the options' signal
   */
  inspect(soFile: string, requiredSymbols: readonly string[], options?: InspectOptions): Promise<Inspection>;
  /**
   * Which type of plugin a .so is, see `readPluginType`; undefined where that takes too long, too.
   *
   * @throws the system's error when the file can't be read; the signal's reason
   */
  pluginTypeOf(soFile: string, symbol: string, signal: AbortSignal): Promise<PluginType | undefined>;
  /** `engineFingerprint` of an inspection made now; shows whether a previous one is still valid. Never throws. */
  engineFingerprint(binary?: string): Promise<string>;
  /** Changes with what a verdict depends on in this system: its glibc and its libraries. Never throws. */
  systemFingerprint(): Promise<string>;
}

interface InspectorOptions {
  readonly config: Pick<Config["engine"], "binary" | "verify"> & Partial<Config["engine"]>;
  /** Where a relative `engine.binary` starts and where `bin/` is. */
  readonly baseFolder: string;
  readonly env: { readonly LD_LIBRARY_PATH?: string | undefined };
}

export function createInspector({ config, baseFolder, env }: InspectorOptions): Inspector {
  const engineOf = createEngineSource(config.binary, baseFolder);
  let system: Promise<SystemFacts> | undefined;
  // The engine's process is another one, but an environment that both were given is the best guess.
  const ldLibraryPath = config.libraryPath || (env.LD_LIBRARY_PATH ?? "");
  const libraryPath = { value: ldLibraryPath, isSet: Boolean(config.libraryPath) };

  return {
    async inspect(
      soFile,
      requiredSymbols,
      { libraries = true, engine: binary, folder = dirname(soFile), signal, isInMemory, pluginType } = {},
    ) {
      signal?.throwIfAborted();
      system ??= readSystemFacts(ldLibraryPath);
      const [{ fingerprint, facts: engine }, systemFacts] = await Promise.all([engineOf(binary), system]);
      const budget = new TimeBudget(signal);
      const common = { engine, isOtherEngine: binary !== undefined, requiredSymbols, system: systemFacts, libraryPath };
      const gather = async (file: FileBytes): Promise<Evidence> => {
        const plugin = await readPlugin(file);
        const search = plugin && librarySearch(plugin, engine, systemFacts, folder, ldLibraryPath);
        const found = libraries && search ? await foundOrUnread(plugin, search, budget) : NOT_SEARCHED;
        return {
          ...common,
          plugin: typeof found === "string" && plugin !== undefined ? { ...plugin, unread: found } : plugin,
          libraries: typeof found === "string" ? NOT_SEARCHED : found,
          sources: await sourcesOf(file, plugin, engine),
          symbolTypes: plugin && (await readSymbolTypes(plugin, engine, requiredSymbols, pluginType)),
        };
      };
      const evidence = await withFile(soFile, gather, budget, isInMemory);
      const plugin = evidence?.plugin;
      return {
        ...judge(
          evidence ?? { ...common, plugin, libraries: NOT_SEARCHED, sources: undefined, symbolTypes: undefined },
        ),
        engineFingerprint: fingerprint,
        exports: plugin?.exports.slice(0, MAX_EXPORTS) ?? [],
        functionLookup: typeof engine === "string" || typeof engine.api === "string" ? undefined : engine.api?.lookup,
        identity: plugin && linkIdentityOf(plugin, engine),
        plugin: plugin?.facts,
        engineFacts: typeof engine === "string" ? undefined : summaryOf(engine),
        engineModule: typeof engine === "string" ? undefined : engine.modules.main?.path,
      };
    },
    async pluginTypeOf(soFile, symbol, signal) {
      return withFile(soFile, (file) => readPluginType(file, symbol), new TimeBudget(signal), true);
    },
    async engineFingerprint(binary) {
      return (await engineOf(binary)).fingerprint;
    },
    async systemFingerprint() {
      system ??= readSystemFacts(ldLibraryPath);
      return await systemFingerprint(await system, ldLibraryPath);
    },
  };
}

function summaryOf({ path, goVersion, cpu, libc, trimpath, modules }: EngineFacts): EngineSummary {
  return { path, goVersion, cpu, libc, trimpath, modules: modules.dependencies.length + (modules.main ? 1 : 0) };
}

/** undefined where the plugin will not be loaded on a system like this one, so that its libraries don't matter. */
function librarySearch(
  { facts, rpath, runpath }: PluginReading,
  engine: EngineFacts | string,
  system: SystemFacts,
  folder: string,
  ldLibraryPath: string,
): LibrarySearch | undefined {
  const { cpu, libc } = facts;
  if (cpu !== system.cpu || libc !== system.libc || libc === "none" || libc === "static") return undefined;
  const isKnown = typeof engine !== "string";
  if (isKnown && (engine.cpu !== cpu || engine.libc !== libc)) return undefined;
  return {
    ...{ cpu, libc, rpath, runpath, ldLibraryPath, root: "/" },
    origin: resolve(folder),
    engineRpath: isKnown ? engine.rpath : "",
    loaded: isKnown ? engine.libraries : [],
  };
}

const NOT_SEARCHED: FoundLibraries = { missing: [], byPath: [] };

/** What was found, or why that is unknown. */
async function foundOrUnread(
  { libraries }: PluginReading,
  search: LibrarySearch,
  budget: TimeBudget,
): Promise<FoundLibraries | string> {
  try {
    return await findLibraries(libraries, search, budget);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return error.message;
  }
}

/** Only read where packages differ, since it can take as long as everything else together. */
async function sourcesOf(
  file: FileBytes,
  plugin: PluginReading | undefined,
  engine: EngineFacts | string,
): Promise<SourcePaths | undefined> {
  if (typeof engine === "string" || plugin?.symbols === undefined || engine.symbols === undefined) return undefined;
  if (plugin.kind !== "plugin" || plugin.facts.cpu !== engine.cpu) return undefined;
  const { differing } = compareHashes(plugin.symbols.hashes, engine.symbols.hashes);
  return differing.length === 0
    ? undefined
    : await readPluginSources(file, plugin.symbols, differingModules(differing, engine));
}
