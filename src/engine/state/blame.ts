import { symbolOf } from "../../domain/names.ts";
import type { PluginId, PluginType } from "../../domain/plugin.ts";

/** A plugin, and the names by which rules look it up. */
interface Named {
  readonly id: PluginId;
  readonly names: readonly string[];
}

/** How the engine says that it does not know one. Such words can be older than an install that it was handed since. */
const UNKNOWN: Readonly<Record<PluginType, RegExp>> = {
  sources: /\bsource (?:type )?\S+ (?:is )?not (?:found|defined)/i,
  sinks: /\bsink (?:type )?\S+ (?:is )?not (?:found|defined)/i,
  functions: /\bfunction \S+ (?:is )?not (?:found|defined)/i,
};

/** How it says that it can't open a .so, or not use its symbol. */
const UNFIT = [
  "cannot open ",
  "cannot find .so file",
  "cannot find symbol",
  "exported symbol",
  "plugin.Open",
  "different version of package",
];

/**
 * Whether the words of a rule that stopped are about this plugin.
 *
 * @param isListed whether the engine lists it by now; then it counts only what is wrong with its .so
 */
export function blames(words: string, { id, names }: Named, isListed: boolean): boolean {
  const isUnfit = UNFIT.some((phrase) => words.includes(phrase));
  if (!isUnfit && (isListed || !UNKNOWN[id.type].test(words))) return false;
  const mentioned = new Set(words.match(/\w+/g));
  return [id.name, ...names].some((name) => mentioned.has(name) || mentioned.has(symbolOf(name)));
}
