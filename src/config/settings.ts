import { Kind, type TObject, type TSchema } from "@sinclair/typebox";
import { ConfigSchema } from "./schema.ts";

/** The prefix of environment variables that override a key. */
export const ENV_PREFIX = "KUIPER__";

/** One setting: its place in the file (`["basic", "restPort"]`) and the schema of its value. */
export interface Setting {
  readonly path: readonly string[];
  readonly schema: TSchema;
}

/** Every setting, in the order of the schema. */
export function listSettings(): Setting[] {
  return leaves(ConfigSchema, []);
}

function leaves(section: TObject, path: readonly string[]): Setting[] {
  return Object.entries(section.properties).flatMap(([key, schema]) => {
    const here = [...path, key];
    return schema[Kind] === "Object" ? leaves(schema as TObject, here) : [{ path: here, schema }];
  });
}

/** `KUIPER__BASIC__RESTPORT`, as the original's image spells the override of `basic.restPort`. */
export function variableName(path: readonly string[]): string {
  return ENV_PREFIX + path.join("__").toUpperCase();
}

/** What a setting may be, in words: `a whole number from 0 to 65535`. */
export function allowedValues(schema: TSchema): string {
  if (schema.anyOf !== undefined) return `one of ${schema.anyOf.map((choice: TSchema) => choice.const).join(", ")}`;
  switch (schema.type) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${schema.minimum} to ${schema.maximum}`;
    case "number":
      return `a number from ${schema.minimum} to ${schema.maximum}`;
    case "array":
      return schema.items?.description ?? "a list of texts";
    default:
      return schema.minLength === undefined ? "a text" : "a text that is not empty";
  }
}

export type Tree = { [key: string]: unknown };

/**
 * Keys of the original's kuiper.yaml that this server has no use for. Users bring their file as it is, so these are
 * passed over without a word; any other unknown key is probably a typing error and is reported.
 */
const ENGINE_SECTIONS: readonly string[] = ["rule", "sink", "source", "store", "portable", "connection", "openapi"];

const ENGINE_BASIC_KEYS: ReadonlySet<string> = new Set(
  [
    "consoleLog",
    "fileLog",
    "rotateTime",
    "maxAge",
    "maxLogSize",
    "ip",
    "port",
    "prometheus",
    "prometheusPort",
    "ignoreCase",

    "logLevel",
    "timezone",
    "sql",
    "syslog",
    "rulePatrolInterval",
    "cfgStorageType",
    "initExtension",
  ].map((key) => key.toLowerCase()),
);

/** Sentences about keys of the file that neither this server nor the engine reads. */
export function unknownKeys(given: Tree, settings: readonly Setting[]): string[] {
  const known = new Set(settings.flatMap(({ path }) => path.map((_, depth) => path.slice(0, depth + 1).join("."))));
  const visit = (tree: Tree, path: readonly string[]): string[] =>
    Object.entries(tree).flatMap(([key, value]) => {
      const here = [...path, key];
      if (isEngineKey(here)) return [];
      if (!known.has(here.join("."))) return [`kuiper.yaml has a key that nothing reads: ${here.join(".")}`];
      return isTree(value) ? visit(value, here) : [];
    });
  return visit(given, []);
}

/** Sentences about environment variables with our prefix that neither this server nor the engine reads. */
export function unknownVariables(env: Readonly<Record<string, unknown>>, settings: readonly Setting[]): string[] {
  const known = new Set(settings.map(({ path }) => variableName(path)));
  return Object.keys(env)
    .filter((name) => name.toUpperCase().startsWith(ENV_PREFIX) && !known.has(name.toUpperCase()))
    .filter((name) => !isEngineKey(name.slice(ENV_PREFIX.length).split("__")))
    .map((name) => `an environment variable names a key that nothing reads: ${name}`);
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the engine, and not this server, reads the key at `path`; in any case, as variables are in capitals. */
function isEngineKey(path: readonly string[]): boolean {
  const [section = "", key = ""] = path.map((part) => part.toLowerCase());
  return ENGINE_SECTIONS.includes(section) || (section === "basic" && ENGINE_BASIC_KEYS.has(key));
}
