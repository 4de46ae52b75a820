/**
 * Whether an engine will load a plugin, as far as the files say. `unknown`: there is no engine's binary to compare
 * with, or one of the files can't be read.
 */
export const VERDICTS = ["compatible", "incompatible", "unknown"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Why a plugin will not load, or why that is unknown. */
export interface Problem {
  /** Stable, for programs: `PACKAGE_DIFFERS`, `SYMBOL_MISSING`, … */
  readonly code: string;
  /** What is wrong and, where it is known, why and what to do. */
  readonly message: string;
  /** The import paths of the packages that differ, all of them. */
  readonly packages?: readonly string[];
}

/**
 * How an engine finds the plugin of a function: `name`, it is the one with the function's name, as Kuiper 1.0 does;
 * `list`, in a list of its own, which begins with the names of plugins.
 */
export const FUNCTION_LOOKUPS = ["name", "list"] as const;
export type FunctionLookup = (typeof FUNCTION_LOOKUPS)[number];

export interface Compatibility {
  readonly verdict: Verdict;
  /** When the verdict is `compatible`, only of configuration that was left out, and on what the verdict depends. The most important one comes first. */
  readonly problems: readonly Problem[];
}

/** More than any plugin has; further packages are not compared. */
const MAX_PACKAGES = 2000;
const MAX_CHARACTERS = 128 * 1024;
/** Go's hashes have 16 digits since Go 1.15, 40 or 80 before. */
const HASH_DIGITS = 16;

/**
 * What decides whether one engine loads two plugins: Go requires that they have different paths, and that the packages
 * that both contain are the same.
 */
export interface LinkIdentity {
  /** The path under which Go registers the plugin. */
  readonly pluginPath: string;
  /**
   * The packages besides its own that the engine does not have, each as `<hash> <import path>`, sorted by path; at
   * most 2000 and 128 Ki characters. Not an object by path, since a path may be any string.
   */
  readonly packages: readonly string[];
}

/** @param hashes of the packages, in hexadecimal, by import path */
export function toLinkIdentity(pluginPath: string, hashes: ReadonlyMap<string, string>): LinkIdentity {
  const packages: string[] = [];
  let room = MAX_CHARACTERS;
  for (const [path, hash] of [...hashes].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const line = `${hash.slice(0, HASH_DIGITS)} ${path}`;
    room -= line.length;
    if (packages.length === MAX_PACKAGES || room < 0) break;
    packages.push(line);
  }
  return { pluginPath, packages };
}

/** The import path and the hash of each package. */
export function* packageHashes({ packages }: LinkIdentity): Iterable<readonly [path: string, hash: string]> {
  for (const line of packages) {
    const space = line.indexOf(" ");
    yield [line.slice(space + 1), line.slice(0, space)];
  }
}
