import type { PluginType } from "../domain/plugin.ts";
import type { EngineFacts } from "./engine.ts";
import { Unreadable } from "./file-bytes.ts";
import type { EngineApi } from "./go/engine-api.ts";
import { readExportedTypes, type SymbolType } from "./go/exported-types.ts";
import { hashesWholePaths, nameFormatOf } from "./go/type-data.ts";
import type { PluginReading } from "./plugin-facts.ts";

/** The types of the symbols that the engine will look up, and what it asks of them. */
export interface SymbolTypes {
  /** undefined when only the files are known: then a plugin of any type will do. */
  readonly pluginType: PluginType | undefined;
  readonly api: EngineApi;
  readonly types: ReadonlyMap<string, SymbolType>;
}

/** Every Go file contains it, and it is another one in each version of Go. */
const RUNTIME = "runtime";

/**
 * @returns why they are not known; undefined where there is nothing to compare them with: no engine, one without
 *   Kuiper's packages, one of another Go
 */
export async function readSymbolTypes(
  plugin: PluginReading,
  engine: EngineFacts | string,
  symbols: readonly string[],
  pluginType: PluginType | undefined,
): Promise<SymbolTypes | string | undefined> {
  const { description, exports } = plugin;
  const wanted = symbols.filter((symbol) => exports.includes(symbol));
  if (description === undefined || plugin.unread !== "" || wanted.length === 0) return undefined;
  if (typeof engine === "string" || engine.api === undefined || engine.cpu !== plugin.facts.cpu) return undefined;
  // The same package of the runtime is the same version of Go: the plugin itself may not tell it.
  const runtime = plugin.symbols?.hashes.get(RUNTIME);
  if (runtime === undefined || runtime !== engine.symbols?.hashes.get(RUNTIME)) return undefined;
  if (typeof engine.api === "string") return engine.api;
  const nameFormat = nameFormatOf(engine.goVersion);
  if (nameFormat === undefined) return undefined; // there is no api then
  try {
    const types = await readExportedTypes(description, exports, wanted, nameFormat);
    const namesakes = hashesWholePaths(engine.goVersion) ? "" : ambiguousPackage(types, plugin);
    return namesakes === ""
      ? { pluginType, api: engine.api, types }
      : `it has several packages of the last name ${namesakes}, which ${engine.goVersion} does not tell apart in methods`;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return error.message;
  }
}

/** The last name of several of the plugin's packages, if methods of its variables mention it; `""` without one. */
function ambiguousPackage(types: SymbolTypes["types"], { symbols }: PluginReading): string {
  const counts = new Map<string, number>();
  for (const path of symbols?.hashes.keys() ?? []) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const { methods } of types.values()) {
    for (const { text } of methods.values()) {
      for (const [, name = ""] of text.matchAll(/\b([a-z]\w*)\./g)) if ((counts.get(name) ?? 0) > 1) return name;
    }
  }
  return "";
}
