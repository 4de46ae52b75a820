import { PluginError } from "./errors.ts";
import { printable } from "./printable.ts";

/** What can be a function of the engine's SQL and, with its first letter raised, an exported symbol of Go. */
const NAME_RULE = /^[A-Za-z][A-Za-z0-9_]{0,99}$/;

/** Whether it can be registered: Go exports `Écho` too, which is no name of the engine's. */
export function isFunctionName(name: string): boolean {
  return NAME_RULE.test(name);
}

/**
 * Checks names that are to be registered as functions.
 *
 * @returns the names without repetition
 * @throws PluginError BODY_INVALID
 */
export function checkFunctionNames(names: readonly string[]): string[] {
  if (names.length === 0) throw new PluginError("BODY_INVALID", "property 'functions' must not be empty");
  for (const name of names) {
    if (isFunctionName(name)) continue;
    const rule = "should begin with a letter and have at most 100 letters, digits and underscores";
    throw new PluginError("BODY_INVALID", `function name ${printable(name.slice(0, 100))} ${rule}`);
  }
  return [...new Set(names)];
}

/** `Echo`, the symbol that the engine looks up for the function or plugin `echo`. */
export function symbolOf(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** `echo`, the function that the exported symbol `Echo` would be. */
export function functionOf(symbol: string): string {
  return symbol.charAt(0).toLowerCase() + symbol.slice(1);
}
