import { dirname, resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import type { Compatibility, LinkIdentity } from "../domain/compatibility.ts";
import { createEngineSource, type EngineFacts } from "./engine.ts";
import { type FileBytes, withFile } from "./file-bytes.ts";
import type { SourcePaths } from "./go/source-paths.ts";
import { differingModules } from "./judge/cause.ts";
import { compareHashes, judge } from "./judge/judge.ts";
import { Pace, Unreadable } from "./pace.ts";
import { identityOf, type PluginFacts, type PluginReading, readPlugin } from "./plugin-facts.ts";
import { readSources } from "./plugin-sources.ts";
import { missingLibraries } from "./system/libraries.ts";
import type { LibrarySearch } from "./system/library-folders.ts";
import { readSystemFacts, type SystemFacts, systemIdentity } from "./system/system-facts.ts";

/** A plugin exports what the engine looks up: one symbol, or one for each function. */
const MAX_EXPORTS = 1000;

/** What the files of a plugin and of the engine tell about whether the one loads the other. */
export interface Inspection extends Compatibility {
  /** Names the state of the engine's file that was compared with; another one when the file changes; `""` without one. */
  readonly engine: string;
  /** Upper-case functions and variables of the plugin's own package, sorted, at most 1000. */
  readonly exports: readonly string[];
  /** For comparing it with other plugins; undefined when the engine would not come to that. */
  readonly identity: LinkIdentity | undefined;
  /** undefined when the file is no ELF file. */
  readonly plugin: PluginFacts | undefined;
  /** undefined when there was no engine to compare with. */
  readonly engineFacts: EngineSummary | undefined;
}

/** What is worth showing of the engine. */
export interface EngineSummary {
  readonly path: string;
  /** Such as `go1.20.3`; `""` when unknown. */
  readonly goVersion: string;
  /** Go's name, such as `amd64`. */
  readonly cpu: string;
  readonly libc: PluginFacts["libc"];
  /** undefined when unknown. */
  readonly trimpath: boolean | undefined;
  /** How many modules it is built of. */
  readonly modules: number;
}

export interface InspectOptions {
  /** Whether shared libraries that are missing count: not before install.sh had its chance to install them. True if absent. */
  readonly libraries?: boolean | undefined;
  /** Another engine's binary to compare with. */
  readonly engine?: string | undefined;
  /** The folder in which the plugin will be loaded, if it is elsewhere now: some say where their libraries are from there. */
  readonly folder?: string | undefined;
  /** Whether the plugin's file was written just now, so that it need not be read from a disk. */
  readonly isInMemory?: boolean | undefined;
  /** Ends it; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

export interface Inspector {
  /**
   * Compares a plugin's file with the engine's. Reads only; takes a few milliseconds. A file that is no plugin, and an
   * engine that can't be read, are problems of the answer.
   *
   * @param wanted symbols that the engine will look up, such as `Random`
   * @throws a system's error when the plugin's file can't be opened or read; the reason of the options' signal
   */
  inspect(soFile: string, wanted: readonly string[], options?: InspectOptions): Promise<Inspection>;
  /** `engine` of an inspection made now; for telling whether one made earlier still holds. Never throws. */
  engineIdentity(binary?: string): Promise<string>;
  /** Names the state of what this system adds to a verdict: its glibc and its libraries. Never throws. */
  systemIdentity(): Promise<string>;
}

export interface InspectorOptions {
  readonly config: Config["engine"];
  /** Where a relative `engine.binary` starts and where `bin/` is. */
  readonly baseFolder: string;
  readonly env: { readonly LD_LIBRARY_PATH?: string | undefined };
}

export function createInspector({ config, baseFolder, env }: InspectorOptions): Inspector {
  const engineOf = createEngineSource(config.binary, baseFolder);
  let system: Promise<SystemFacts> | undefined;
  const ldLibraryPath = env.LD_LIBRARY_PATH ?? "";

  return {
    async inspect(
      soFile,
      wanted,
      { libraries = true, engine: binary, folder = dirname(soFile), signal, isInMemory } = {},
    ) {
      signal?.throwIfAborted();
      system ??= readSystemFacts();
      const [{ identity, facts: engine }, systemFacts] = await Promise.all([engineOf(binary), system]);
      const pace = new Pace(signal);
      const inspectOpen = async (file: FileBytes) => {
        const plugin = await readPlugin(file);
        const search = plugin && librarySearch(plugin, engine, systemFacts, folder, ldLibraryPath);
        const missing = libraries && search ? await missingOrUnread(plugin, search, pace) : [];
        return {
          plugin: typeof missing === "string" && plugin !== undefined ? { ...plugin, unread: missing } : plugin,
          ...{ engine, wanted, system: systemFacts },
          missingLibraries: typeof missing === "string" ? [] : missing,
          sources: await sourcesOf(file, plugin, engine),
        };
      };
      const evidence = await withFile(soFile, inspectOpen, pace, isInMemory);
      const { plugin } = evidence ?? {};
      return {
        ...judge(evidence ?? { plugin, engine, wanted, system: systemFacts, missingLibraries: [], sources: undefined }),
        engine: identity,
        exports: plugin?.exports.slice(0, MAX_EXPORTS) ?? [],
        identity: plugin && identityOf(plugin, engine),
        plugin: plugin?.facts,
        engineFacts: typeof engine === "string" ? undefined : summaryOf(engine),
      };
    },
    async engineIdentity(binary) {
      return (await engineOf(binary)).identity;
    },
    async systemIdentity() {
      system ??= readSystemFacts();
      return await systemIdentity(await system, ldLibraryPath);
    },
  };
}

function summaryOf({ path, goVersion, cpu, libc, trimpath, modules }: EngineFacts): EngineSummary {
  return { path, goVersion, cpu, libc, trimpath, modules: modules.dependencies.length + (modules.main ? 1 : 0) };
}

/** undefined where this system's libraries tell nothing about where the plugin will be loaded. */
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

/** What is missing, or why that can't be told. */
async function missingOrUnread(
  { libraries }: PluginReading,
  search: LibrarySearch,
  pace: Pace,
): Promise<string[] | string> {
  try {
    return await missingLibraries(libraries, search, pace);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return error.message;
  }
}

/** Only where packages differ, as it can take as long as all the rest. */
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
    : await readSources(file, plugin.symbols, differingModules(differing, engine));
}
