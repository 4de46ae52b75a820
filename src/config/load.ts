import { readFileSync, statSync } from "node:fs";
import { inspect } from "node:util";
import { Value } from "@sinclair/typebox/value";
import { type Document, parseDocument, visit } from "yaml";
import { type Config, ConfigSchema } from "./schema.ts";
import { allowedValues, listSettings, type Setting, variableName } from "./settings.ts";
import { isTree, type Tree, unknownKeys, unknownVariables } from "./unknown-keys.ts";

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
  const fromFile = withAliases(readYaml(file));
  const settings = listSettings();
  const warnings = [...unknownKeys(fromFile, settings), ...unknownVariables(env, settings)];

  const tree: Tree = {};
  for (const setting of settings) {
    const value = settingValue(setting, fromFile, env, file);
    if (value !== undefined) put(tree, setting.path, value);
  }
  const config = Value.Default(ConfigSchema, tree) as Config;
  return { config: deepFreeze(config), warnings };
}

function readYaml(file: string): Tree {
  let content: string;
  try {
    const stat = statSync(file);
    // Reading a named pipe would block the startup forever. (Reading a folder fails with the system's own message.)
    if (!stat.isFile() && !stat.isDirectory()) throw new Error("it is not a regular file");
    content = readFileSync(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new ConfigError(`${file} can't be read: ${(cause as Error).message}`, { cause });
  }
  const document = parseDocument(content, { uniqueKeys: false });
  const [error] = document.errors;
  if (error !== undefined) throw new ConfigError(`${file} is not valid YAML: ${firstLine(error.message)}`);
  let root: unknown;
  try {
    keepNumbersAsWritten(document);
    root = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (cause) {
    throw new ConfigError(`${file} is not valid YAML: ${firstLine((cause as Error).message)}`, { cause });
  }
  if (!isTree(root)) throw new ConfigError(`${file} should have keys such as basic:, but it is ${show(root)}`);
  return root;
}

/** `version: 1.10` is meant as a string and would lose its last digit; `convert` makes numbers where required. */
function keepNumbersAsWritten(document: Document): void {
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === "number" && node.source !== String(node.value)) node.value = node.source;
    },
  });
}

/** `pluginHosts` is below `basic` in the original's file, but its documentation names it without a section. */
function withAliases({ pluginHosts, ...rest }: Tree): Tree {
  if (pluginHosts === undefined) return rest;
  const basic = rest.basic ?? {};
  return isTree(basic) ? { ...rest, basic: { pluginHosts, ...basic } } : rest;
}

function settingValue(
  setting: Setting,
  fromFile: Tree,
  env: Record<string, string | undefined>,
  file: string,
): unknown {
  const key = setting.path.join(".");
  const variable = variableName(setting.path);
  const fromEnv = Object.entries(env).find(([name]) => name.toUpperCase() === variable)?.[1];
  if (fromEnv !== undefined) return checked(setting, fromEnv, `environment variable ${variable}`);

  let value: unknown = fromFile;
  for (const [depth, part] of setting.path.entries()) {
    if (value === undefined || value === null) return undefined;
    if (!isTree(value)) {
      const section = setting.path.slice(0, depth).join(".");
      throw new ConfigError(`${file}: ${section} is ${show(value)}; it should have keys below it, such as ${key}`);
    }
    value = value[part];
  }
  return value === undefined || value === null ? undefined : checked(setting, value, `${file}: ${key}`);
}

function checked(setting: Setting, value: unknown, name: string): unknown {
  const converted = convert(setting, value);
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
      return trimmed;
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

function firstLine(message: string): string {
  return message.split("\n", 1)[0] ?? message;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
