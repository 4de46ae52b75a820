import { inspect } from "node:util";
import { Value } from "@sinclair/typebox/value";
import { loneQuote, plainValue } from "../lib/environment.ts";
import { isObject } from "../lib/objects.ts";
import { type Config, ConfigSchema } from "./schema.ts";
import { allowedValues, listSettings, type Setting, takesList, variableName } from "./settings.ts";
import { type Tree, unknownKeys, unknownVariables } from "./unknown-keys.ts";
import { readYamlFile, UnusableYaml } from "./yaml-file.ts";

export interface LoadedConfig {
  readonly config: Config;
  /** Log messages about keys that nothing reads. */
  readonly warnings: readonly string[];
}

/** The server can't start with this configuration; the message is one line: key, value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Reads `file` (absent is the same as empty), lets the environment override it, checks every value against the schema
 * and fills in the defaults.
 *
 * @throws ConfigError when the file can't be read or parsed, or a value is not allowed
 */
export function loadConfig(file: string, env: Readonly<Record<string, string | undefined>>): LoadedConfig {
  const fromFile = withAliases(readSettings(file));
  const settings = listSettings();
  const variables = settingVariables(settings, env);
  const warnings = [
    ...unknownKeys(fromFile, settings),
    ...unknownVariables(env, settings),
    ...[...variables].flatMap(([name, value]) =>
      value === undefined ? [`environment variable ${name} is empty: it counts as not set`] : [],
    ),
  ];

  const tree: Tree = {};
  for (const setting of settings) {
    const value = settingValue(setting, fromFile, variables, file);
    if (value !== undefined) put(tree, setting.path, value);
  }
  const config = Value.Default(ConfigSchema, tree) as Config;
  return { config: deepFreeze(config), warnings };
}

function readSettings(file: string): Tree {
  try {
    const root = readYamlFile(file) ?? {};
    if (isObject(root)) return root;
    throw new ConfigError(`${file} should have keys such as basic:, but it is ${show(root)}`);
  } catch (cause) {
    throw cause instanceof UnusableYaml ? new ConfigError(`${file} ${cause.message}`, { cause }) : cause;
  }
}

/** `pluginHosts` is below `basic` in the original's file, but its documentation names it without a section. */
function withAliases({ pluginHosts, ...rest }: Tree): Tree {
  if (pluginHosts === undefined) return rest;
  const basic = rest.basic ?? {};
  return isObject(basic) ? { ...rest, basic: { pluginHosts, ...basic } } : rest;
}

/**
 * The values of the variables that override settings, by the variables' names in capitals. Undefined for an empty one
 * whose setting can't be empty: `${PORT}` in a compose file becomes that where PORT is not set.
 *
 * @throws ConfigError for one that has two meanings
 */
function settingVariables(
  settings: readonly Setting[],
  env: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string | undefined> {
  const byName = new Map(settings.map((setting) => [variableName(setting.path), setting]));
  const found = new Map<string, string | undefined>();
  for (const [given, text] of Object.entries(env)) {
    const name = given.toUpperCase();
    const setting = byName.get(name);
    if (setting === undefined || text === undefined) continue;
    const plain = plainVariable(name, text);
    const value = plain === "" && !mayBeEmpty(setting) ? undefined : plain;
    if (found.has(name) && found.get(name) !== value) {
      throw new ConfigError(`environment variable ${name} is there twice, in capital and in small letters; remove one`);
    }
    found.set(name, value);
  }
  return found;
}

/** The value of an environment variable without quotes around it. @throws ConfigError where a quote is missing */
export function plainVariable(name: string, text: string): string {
  const value = plainValue(text);
  const quote = loneQuote(value);
  if (quote === undefined) return value;
  throw new ConfigError(`environment variable ${name} is ${show(value)}: it has a ${quote} at one end only; remove it`);
}

function mayBeEmpty({ schema }: Setting): boolean {
  return schema.type === "array" || Value.Check(schema, "");
}

function settingValue(
  setting: Setting,
  fromFile: Tree,
  variables: ReadonlyMap<string, string | undefined>,
  file: string,
): unknown {
  const key = setting.path.join(".");
  const variable = variableName(setting.path);
  const fromEnv = variables.get(variable);
  if (fromEnv !== undefined) return checked(setting, fromEnv, `environment variable ${variable}`);

  let value: unknown = fromFile;
  for (const [depth, part] of setting.path.entries()) {
    if (value === undefined || value === null) return undefined;
    if (!isObject(value)) {
      const section = setting.path.slice(0, depth).join(".");
      throw new ConfigError(`${file}: ${section} is ${show(value)}; it should have keys below it, such as ${key}`);
    }
    value = value[part];
  }
  return value === undefined || value === null ? undefined : checked(setting, value, `${file}: ${key}`);
}

function checked(setting: Setting, value: unknown, name: string): unknown {
  const converted = convert(setting, value);
  if ([converted].flat().some((one) => typeof one === "string" && one.includes("\ufffd"))) {
    throw new ConfigError(`${name} is ${show(value)}, which has bytes that are not UTF-8; save it as UTF-8`);
  }
  if (Value.Check(setting.schema, converted)) return converted;
  throw new ConfigError(`${name} is ${show(value)}; allowed is ${allowedValues(setting.schema)}`);
}

/** Environment variables are strings, and so are quoted values in YAML: converts them to the type of the setting. */
function convert({ schema }: Setting, value: unknown): unknown {
  if (schema.type === "string") return typeof value === "number" ? String(value) : value;
  if (typeof value !== "string") return value;
  const trimmed = value.trim();
  switch (schema.type) {
    case "array":
      return listOf(trimmed);
    case "boolean":
      return { true: true, false: false }[trimmed.toLowerCase()] ?? value;
    case "integer":
    case "number":
      return trimmed === "" || Number.isNaN(Number(trimmed)) ? value : Number(trimmed);
    default:
      return takesList(schema) && !Value.Check(schema, trimmed) ? listOf(trimmed) : trimmed;
  }
}

/** `[a, b]`, as the original's image writes lists, or `a, b`. Not YAML, in which `*.example.com` is an alias. */
function listOf(value: string): string[] {
  const items = value.replace(/^\[(.*)\]$/s, "$1").split(",");
  return items.map((item) => item.trim().replace(/^(["'])(.*)\1$/s, "$2")).filter((item) => item !== "");
}

function put(tree: Tree, path: readonly string[], value: unknown): void {
  const [key = "", ...rest] = path;
  if (rest.length === 0) tree[key] = value;
  else {
    tree[key] ??= {};
    put(tree[key] as Tree, rest, value);
  }
}

function show(value: unknown): string {
  // A structure may contain itself, by way of YAML's aliases.
  const isStructure = typeof value === "object" && value !== null;
  const shown = isStructure ? inspect(value, { breakLength: Infinity, compact: true }) : String(JSON.stringify(value));
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
