import type { EngineFacts } from "../engine-facts.ts";
import type { SourcePaths } from "../go/source-paths.ts";
import type { PluginReading } from "../plugin-facts.ts";
import type { SystemFacts } from "../system/system-facts.ts";

/** All that a verdict rests on. */
export interface Evidence {
  /** undefined when the plugin's file is no ELF file. */
  readonly plugin: PluginReading | undefined;
  /** Or a sentence about why there is none to compare with. */
  readonly engine: EngineFacts | string;
  readonly system: SystemFacts;
  /** Symbols that the engine will look up. */
  readonly wanted: readonly string[];
  /** Empty when they were not looked for. */
  readonly missingLibraries: readonly string[];
  /** Of the plugin, for saying why packages differ; undefined when none do. */
  readonly sources: SourcePaths | undefined;
}
