import type { FunctionLookup } from "../domain/compatibility.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { PluginVersion } from "../domain/plugin-entry.ts";
import { quotedWords } from "../lib/text.ts";
import { functionsOf } from "./function-names.ts";

/** Which functions of a plugin the engine finds by itself once the plugin is in its folder. */
export interface EngineFunctions {
  readonly found: readonly string[];
  /** Those that it does not find, and what has to be done for them. */
  readonly missing?: readonly string[];
  readonly remedy?: string;
}

/**
 * A plugin that an engine finds in its folder serves the function of its own name alone.
 *
 * @param lookup how the engine finds the plugin of a function
 * @returns undefined where that is not known, and for other types of plugin
 */
export function engineFunctions(
  { type, name }: PluginId,
  version: Pick<PluginVersion, "functions">,
  lookup: FunctionLookup | undefined,
): EngineFunctions | undefined {
  if (type !== "functions" || lookup === undefined) return undefined;
  const functions = functionsOf(name, version);
  const missing = functions.filter((one) => one !== name);
  const found = functions.filter((one) => one === name);
  return missing.length === 0 ? { found } : { found, missing, remedy: remedyFor(name, missing, lookup) };
}

function remedyFor(name: string, missing: readonly string[], lookup: FunctionLookup): string {
  if (lookup === "name") {
    return `this engine looks for a plugin of the function's own name: build and install a plugin for each of ${quotedWords(missing)}`;
  }
  return `this engine has a list of functions of its own: after its restart, POST {"functions":[…]} with all of them to /plugins/functions/${name}/register of the engine`;
}
