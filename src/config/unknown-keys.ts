import { isObject } from "../lib/objects.ts";
import { quoted } from "../lib/text.ts";
import { ENV_PREFIX, type Setting, variableName } from "./settings.ts";

/** A file, or a section of it, as it was parsed. */
export type Tree = { [key: string]: unknown };

/**
 * Keys of the original's kuiper.yaml that this server has no use for. Users bring their file as it is, so these are
 * ignored silently; any other unknown key is probably a typing error and is reported.
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

/** A whole file of other keys is one mistake: some names tell which, and thousands of lines would delay the start. */
const MAX_NAMED = 20;

/** Warnings of the keys of the file that neither this server nor the engine reads: the first by name, then how many more. */
export function unknownKeys(file: Tree, settings: readonly Setting[]): string[] {
  const known = new Set(settings.flatMap(({ path }) => path.map((_, depth) => path.slice(0, depth + 1).join("."))));
  const visit = (tree: Tree, path: readonly string[]): string[] =>
    Object.entries(tree).flatMap(([key, value]) => {
      const here = [...path, key];
      if (isEngineKey(here)) return [];
      if (!known.has(here.join("."))) return [here.join(".")];
      return isObject(value) ? visit(value, here) : [];
    });
  return warnings(
    visit(file, []),
    "kuiper.yaml has a key that nothing reads",
    "keys of kuiper.yaml that nothing reads",
  );
}

/** The same of the environment variables with our prefix. */
export function unknownVariables(env: Readonly<Record<string, unknown>>, settings: readonly Setting[]): string[] {
  const known = new Set(settings.map(({ path }) => variableName(path)));
  const unknown = Object.keys(env)
    .filter((name) => name.toUpperCase().startsWith(ENV_PREFIX) && !known.has(name.toUpperCase()))
    .filter((name) => !isEngineKey(name.slice(ENV_PREFIX.length).split("__")));
  return warnings(unknown, "an environment variable names a key that nothing reads", "such environment variables");
}

function warnings(names: readonly string[], message: string, things: string): string[] {
  const named = names.slice(0, MAX_NAMED).map((name) => `${message}: ${quoted(name)}`);
  return names.length > MAX_NAMED ? [...named, `and ${names.length - MAX_NAMED} more ${things}`] : named;
}

/** Whether the engine, and not this server, reads the key at `path`. Ignores case, since variables are in capitals. */
function isEngineKey(path: readonly string[]): boolean {
  const [section = "", key = ""] = path.map((part) => part.toLowerCase());
  return ENGINE_SECTIONS.includes(section) || (section === "basic" && ENGINE_BASIC_KEYS.has(key));
}
