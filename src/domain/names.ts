import { quoted } from "../lib/text.ts";
import { PluginError } from "./errors.ts";

const NAME_RULE = /^[a-z][A-Za-z0-9_]*$/;
const NAME_MAX_LENGTH = 100;

/** Path segments below `/plugins/<type>/` that mean something else. */
const RESERVED_NAMES: readonly string[] = ["prebuild"];

/**
 * The name rule. A name becomes part of file names, of paths of the API and of an exported Go symbol, so it has only
 * letters, digits and underscores.
 *
 * @returns the name without surrounding whitespace
 * @throws PluginError NAME_INVALID, with the rule that was broken
 */
export function checkPluginName(input: string | null | undefined): string {
  const name = (input ?? "").trim();
  if (name === "") throw invalidName("", "should not be empty");
  if (name.length > NAME_MAX_LENGTH) {
    throw invalidName(
      `${name.slice(0, 20)}…`,
      `should have at most ${NAME_MAX_LENGTH} letters, this has ${name.length}`,
    );
  }
  if (RESERVED_NAMES.includes(name)) throw invalidName(name, "is reserved, choose another one");
  if (!NAME_RULE.test(name)) throw invalidName(name, rule(name));
  return name;
}

/** The engine has no rule; this one keeps a name within one segment of a path. */
const PORTABLE_NAME_RULE = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** @returns the name without surrounding whitespace @throws PluginError NAME_INVALID */
export function checkPortableName(input: string | null | undefined): string {
  const name = (input ?? "").trim();
  if (name === "") throw invalidName("", "should not be empty");
  if (name.length <= NAME_MAX_LENGTH && PORTABLE_NAME_RULE.test(name)) return name;
  const rule = `should have at most ${NAME_MAX_LENGTH} letters, digits, underscores, hyphens and dots, and begin with one of the first three`;
  throw invalidName(name.slice(0, NAME_MAX_LENGTH), rule);
}

/** Whether another path of the API would hide a plugin of that name. */
export function isReservedName(name: string): boolean {
  return RESERVED_NAMES.includes(name);
}

/** Whether `name` could be the name of a plugin that this server installs. */
export function isPluginName(name: string): boolean {
  return name.length <= NAME_MAX_LENGTH && NAME_RULE.test(name) && !RESERVED_NAMES.includes(name);
}

function rule(name: string): string {
  const suggestion = name.charAt(0).toLowerCase() + name.slice(1);
  const hint = suggestion !== name && isPluginName(suggestion) ? `, such as ${suggestion}` : "";
  return `should begin with a lower-case letter and have only letters, digits and underscores (camel case)${hint}`;
}

function invalidName(name: string, reason: string): PluginError {
  return new PluginError("NAME_INVALID", `invalid name ${quoted(name)}: ${reason}`);
}

/** What can be a function of the engine's SQL and, with its first letter in upper case, an exported symbol of Go. */
const FUNCTION_NAME_RULE = /^[A-Za-z][A-Za-z0-9_]{0,99}$/;

/** Whether it can be registered: Go also exports `Écho`, which is not a function name for the engine. */
export function isFunctionName(name: string): boolean {
  return FUNCTION_NAME_RULE.test(name);
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
    throw new PluginError("BODY_INVALID", `function name ${quoted(name, NAME_MAX_LENGTH)} ${rule}`);
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
