import { PLUGIN_TYPES, type PluginType } from "../../domain/plugin.ts";
import { enumerate, quoted } from "../../lib/text.ts";
import { type EngineApi, interfaceName, type PluginInterface } from "../go/engine-api.ts";
import type { SymbolType } from "../go/exported-types.ts";
import { type GoType, isSameType, KIND } from "../go/type-data.ts";
import type { SymbolTypes } from "../symbol-types.ts";
import type { KnownProblem } from "./problems.ts";

/** How many methods a message names. */
const MAX_NAMED = 5;
const NOUNS: Readonly<Record<PluginType, string>> = { sources: "source", sinks: "sink", functions: "function" };

/** What is wrong with the types of the symbols, or why that is unknown. */
export function symbolTypeProblem(
  symbols: readonly string[],
  known: SymbolTypes | string | undefined,
): KnownProblem | undefined {
  if (known === undefined) return undefined;
  if (typeof known === "string") {
    const message = `whether the engine takes ${enumerate(symbols)} for a plugin is unknown: ${known}; try the plugin in a rule`;
    return { code: "SYMBOL_TYPE_UNKNOWN", message };
  }
  const { pluginType, types, api } = known;
  const refusals = symbols.flatMap((symbol) => {
    const found = types.get(symbol);
    if (found === undefined) return [];
    const takers = PLUGIN_TYPES.filter((one) => isTaken(found, api.interfaces[one]));
    if (pluginType === undefined && takers.length > 0) return [];
    return refusalOf(symbol, found, pluginType ?? "sources", api) ?? [];
  });
  const [first, ...others] = refusals;
  if (first === undefined) return undefined;
  const more = others.length === 0 ? "" : ` (and so with ${others.length} more symbols)`;
  return { code: "SYMBOL_TYPE", message: `${first}${more}` };
}

/**
 * Why the engine refuses a symbol at its first use, as in its type switch: it takes a function that returns the
 * interface, and a value that implements it. undefined when it takes it.
 */
function refusalOf(
  symbol: string,
  found: SymbolType,
  type: PluginType,
  { interfaces, package: path }: EngineApi,
): string | undefined {
  const wanted = interfaces[type];
  if (isTaken(found, wanted)) return undefined;
  const name = interfaceName(type);
  const expects = `the engine takes a func() ${name} or a value that implements ${name}, of the package ${path}`;
  const other = PLUGIN_TYPES.find((one) => one !== type && isTaken(found, interfaces[one]));
  if (other !== undefined) {
    return `${expects}, and ${symbol} is a ${NOUNS[other]}: install it as one of the ${other}`;
  }
  return `${expects}, and ${symbol} is ${describe(found, wanted, name)}`;
}

/** Whether the engine takes it for a plugin of that interface. */
function isTaken({ type, result, resultPackage, methods }: SymbolType, wanted: PluginInterface): boolean {
  if (type.kind === KIND.func) {
    return result !== undefined && isSameType(result, wanted.type) && resultPackage === wanted.package;
  }
  return [...wanted.methods].every(([name, method]) => {
    const own = methods.get(name);
    return own !== undefined && isSameType(own, method);
  });
}

function describe({ type, result, methods }: SymbolType, wanted: PluginInterface, name: string): string {
  const remedy = `declare it as func() ${name}`;
  if (type.kind === KIND.func) {
    return result?.text === name
      ? `a ${shown(type)} of another package with that last name: import the engine's`
      : `a ${shown(type)}: ${remedy}`;
  }
  const variable = shown(type).replace(/^\*/, "");
  if (variable === name) return `a variable that holds an ${name}, to which a look-up gives only a pointer: ${remedy}`;
  const missing = [...wanted.methods.keys()].filter((method) => !methods.has(method));
  if (methods.size === 0) return `a variable of the type ${variable}: ${remedy}`;
  if (missing.length > 0) {
    return `a variable of the type ${variable}, which lacks ${methodsText(missing)}: add what is missing`;
  }
  const differing = [...wanted.methods].flatMap(([method, signature]) => {
    const own = methods.get(method);
    return own === undefined || isSameType(own, signature) ? [] : [`${method} as ${shown(signature)}`];
  });
  return `a variable of the type ${variable}, whose methods have other types: it should have ${enumerate(differing, MAX_NAMED)}`;
}

function methodsText(names: readonly string[]): string {
  return `${names.length === 1 ? "the method" : "the methods"} ${enumerate(names, MAX_NAMED)}`;
}

/** The text of a type may be as long as its author likes. */
function shown({ text }: GoType): string {
  return quoted(text);
}
