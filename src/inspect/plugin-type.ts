import { PLUGIN_TYPES, type PluginType } from "../domain/plugin.ts";
import { type FileBytes, Unreadable } from "./file-bytes.ts";
import { interfaceName } from "./go/engine-api.ts";
import { readExportedTypes, type SymbolType } from "./go/exported-types.ts";
import { KIND, type NameFormat, nameFormatOf } from "./go/type-data.ts";
import { readPlugin } from "./plugin-facts.ts";

const NAME_FORMATS: readonly NameFormat[] = ["varint", "u16"];
/** By a method that plugins of a type have, and those of the types after it don't. */
const TELLING_METHODS: readonly (readonly [string, PluginType])[] = [
  ["Exec", "functions"],
  ["Collect", "sinks"],
  ["Open", "sources"],
];

/**
 * Which type of plugin a .so is, by the names in its symbols' types. Whether an engine takes it as that is for the inspection
 * to say, which compares more than names.
 *
 * @param symbol such as `Random`; one that is not exported stands for all that are
 * @returns undefined for what is no Go plugin, or does not tell
 */
export async function readPluginType(file: FileBytes, symbol: string): Promise<PluginType | undefined> {
  const plugin = await readPlugin(file);
  if (plugin?.description === undefined) return undefined;
  const { description, exports, facts } = plugin;
  const wanted = exports.includes(symbol) ? [symbol] : exports;
  const known = nameFormatOf(facts.goVersion);
  // Plugins of an older Go don't tell their version. In the wrong format no name of the table is one that is exported.
  for (const format of known === undefined ? NAME_FORMATS : [known]) {
    try {
      const types = await readExportedTypes(description, exports, wanted, format);
      return [...types.values()].map(typeOf).find((type) => type !== undefined);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
    }
  }
  return undefined;
}

function typeOf({ type, result, methods }: SymbolType): PluginType | undefined {
  if (type.kind === KIND.func) return PLUGIN_TYPES.find((one) => result?.text === interfaceName(one));
  return TELLING_METHODS.find(([method]) => methods.has(method))?.[1];
}
