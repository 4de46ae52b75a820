import {
  type Compatibility,
  type LinkIdentity,
  type Problem,
  packageHashes,
  type Verdict,
} from "../../domain/compatibility.ts";
import { symbolOf } from "../../domain/names.ts";
import { isFoundByEngine, PLUGIN_TYPES, type PluginId, type PluginType, pluginKey } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { enumerate, printable, quoted } from "../../lib/text.ts";

/**
 * The problems of an installed plugin besides those that its inspection found, by importance, and the verdict that each
 * leads to. The codes are stable, for programs; docs/api explains them to clients.
 */
const INSTALLED_PROBLEM_VERDICT = {
  /** The file that the engine would load does not exist. */
  SO_MISSING: "incompatible",
  /** The engine lists a file of that name and does not find it again. */
  SO_NAME: "incompatible",
  /** Go knows plugins by their path, and another plugin has the same. */
  ALREADY_LOADED: "incompatible",
  /** Packages that the engine does not have differ in another plugin. `packages` has all of them. */
  PACKAGE_DIFFERS_FROM_PLUGIN: "incompatible",
} as const satisfies Record<string, Verdict>;

interface InstalledProblem extends Problem {
  readonly code: keyof typeof INSTALLED_PROBLEM_VERDICT;
}

type Entries = ReadonlyMap<string, PluginEntry>;

/** How much of a plugin's path a message has. */
const MAX_SHOWN = 255;

/**
 * Which installed plugins exclude each other. Go keeps what it once opened, even what it then refused, so of two the
 * one that the engine opens later is refused. The plugins are indexed, and after a change of the registry only the
 * changed entries are indexed again, so that listing ten thousand plugins is fast.
 */
export class Clashes {
  readonly #entriesOf: (type: PluginType) => Entries;
  /** The entries that are indexed; the registry makes a new map for each change. */
  readonly #indexed = new Map<PluginType, Entries>();
  readonly #identities = new Map<PluginType, Map<string, LinkIdentity>>();
  /** Plugins by path, and by the hash that a package has in them. */
  readonly #byPath = new Map<string, Set<string>>();
  readonly #byPackage = new Map<string, Map<string, Set<string>>>();

  constructor(entriesOf: (type: PluginType) => Entries) {
    this.#entriesOf = entriesOf;
  }

  /** The conflicts of a plugin of this identity, installed or about to be, with the other installed plugins. */
  of(id: PluginId, identity: LinkIdentity | undefined): InstalledProblem[] {
    if (identity === undefined) return [];
    for (const type of PLUGIN_TYPES) this.#updateIndex(type);
    return [...this.#samePath(pluginKey(id), identity), ...this.#otherPackages(pluginKey(id), identity)];
  }

  #samePath(key: string, { pluginPath }: LinkIdentity): InstalledProblem[] {
    const other = firstOther(key, this.#byPath.get(pluginPath));
    if (other === undefined) return [];
    const path = printable(pluginPath.slice(0, MAX_SHOWN));
    const message = `${other} has the same plugin path, ${path}: the engine loads whichever comes first; build one of them from another path, or have the package once, under one name`;
    return [{ code: "ALREADY_LOADED", message }];
  }

  #otherPackages(key: string, identity: LinkIdentity): InstalledProblem[] {
    const packages: string[] = [];
    const others = new Set<string>();
    for (const [path, hash] of packageHashes(identity)) {
      const other = this.#differing(key, path, hash);
      if (other === undefined) continue;
      packages.push(printable(path));
      others.add(other);
    }
    if (packages.length === 0) return [];
    const [what, those] =
      packages.length === 1 ? ["package", "differs from the one"] : ["packages", "differ from those"];
    const message = `${what} ${enumerate(packages)} ${those} in ${enumerate([...others])}: the engine loads whichever comes first; build the plugins with the same versions of modules, and the same Go and flags`;
    return [{ code: "PACKAGE_DIFFERS_FROM_PLUGIN", message, packages }];
  }

  /** Another plugin that has that package with another hash. */
  #differing(key: string, path: string, hash: string): string | undefined {
    for (const [otherHash, keys] of this.#byPackage.get(path) ?? []) {
      const other = otherHash === hash ? undefined : firstOther(key, keys);
      if (other !== undefined) return other;
    }
    return undefined;
  }

  #updateIndex(type: PluginType): void {
    const entries = this.#entriesOf(type);
    if (this.#indexed.get(type) === entries) return;
    const identities = this.#identities.get(type) ?? new Map<string, LinkIdentity>();
    for (const [name, identity] of identities) {
      if (entries.get(name)?.compatibility?.identity === identity) continue;
      identities.delete(name);
      this.#remove(pluginKey({ type, name }), identity);
    }
    for (const [name, { compatibility }] of entries) {
      if (compatibility?.identity === undefined || identities.has(name)) continue;
      identities.set(name, compatibility.identity);
      this.#add(pluginKey({ type, name }), compatibility.identity);
    }
    this.#identities.set(type, identities);
    this.#indexed.set(type, entries);
  }

  #add(key: string, identity: LinkIdentity): void {
    addTo(this.#byPath, identity.pluginPath, key);
    for (const [path, hash] of packageHashes(identity)) {
      const byHash = this.#byPackage.get(path) ?? new Map<string, Set<string>>();
      this.#byPackage.set(path, byHash);
      addTo(byHash, hash, key);
    }
  }

  #remove(key: string, identity: LinkIdentity): void {
    removeFrom(this.#byPath, identity.pluginPath, key);
    for (const [path, hash] of packageHashes(identity)) {
      const byHash = this.#byPackage.get(path);
      if (byHash === undefined) continue;
      removeFrom(byHash, hash, key);
      if (byHash.size === 0) this.#byPackage.delete(path);
    }
  }
}

/** The problem of a .so that was copied in under a name that the engine does not find; installs refuse such names. */
export function problemsOfName({ name }: PluginId, soFile: string): InstalledProblem[] {
  if (isFoundByEngine(soFile)) return [];
  const upper = symbolOf(name);
  const message = `the engine lists ${quoted(soFile)} and never finds it: rename it to ${upper}.so, or ${upper}@<version>.so with one @ and no other .so in it, and restart the engine and this server`;
  return [{ code: "SO_NAME", message }];
}

/** The verdict with further problems, which come after those of the plugin itself. */
export function withProblems(compatibility: Compatibility, more: readonly InstalledProblem[]): Compatibility {
  const { verdict, problems } = compatibility;
  if (more.length === 0) return compatibility;
  const worse = more.some(({ code }) => INSTALLED_PROBLEM_VERDICT[code] === "incompatible") ? "incompatible" : verdict;
  return { verdict: worse, problems: [...problems, ...more] };
}

function firstOther(key: string, keys: Iterable<string> = []): string | undefined {
  for (const other of keys) if (other !== key) return other;
  return undefined;
}

function addTo(sets: Map<string, Set<string>>, name: string, key: string): void {
  const keys = sets.get(name);
  if (keys === undefined) sets.set(name, new Set([key]));
  else keys.add(key);
}

function removeFrom(sets: Map<string, Set<string>>, name: string, key: string): void {
  const keys = sets.get(name);
  keys?.delete(key);
  if (keys?.size === 0) sets.delete(name);
}
