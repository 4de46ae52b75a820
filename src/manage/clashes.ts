import { PLUGIN_TYPES, type PluginId, type PluginType, pluginKey } from "../domain/plugin.ts";
import type { PluginEntry } from "../domain/plugin-entry.ts";
import { type PluginIdentity, packagesOf } from "../domain/plugin-identity.ts";
import { printable } from "../domain/printable.ts";
import { enumerate } from "../inspect/judge/enumeration.ts";
import type { InstalledProblem } from "./plugin-problems.ts";

type Entries = ReadonlyMap<string, PluginEntry>;

const MAX_SHOWN = 255;

/**
 * Which installed plugins exclude each other. Go keeps what it once opened, even what it then refused, so of two the
 * one that the engine opens later is refused. What is known of each plugin is indexed; after a change of the registry
 * only the entries that are others are indexed anew, so that ten thousand plugins are read fast.
 */
export class Clashes {
  readonly #entriesOf: (type: PluginType) => Entries;
  /** What the index was made of; the registry makes new maps for each change. */
  readonly #seen = new Map<PluginType, Entries>();
  readonly #identities = new Map<PluginType, Map<string, PluginIdentity>>();
  /** Plugins by path, and by the hash that a package has in them. */
  readonly #byPath = new Map<string, Set<string>>();
  readonly #byPackage = new Map<string, Map<string, Set<string>>>();

  constructor(entriesOf: (type: PluginType) => Entries) {
    this.#entriesOf = entriesOf;
  }

  /** What the other installed plugins have against a plugin of this identity, be it installed or about to be. */
  of(id: PluginId, identity: PluginIdentity | undefined): InstalledProblem[] {
    if (identity === undefined) return [];
    for (const type of PLUGIN_TYPES) this.#catchUp(type);
    return [...this.#samePath(pluginKey(id), identity), ...this.#otherPackages(pluginKey(id), identity)];
  }

  #samePath(key: string, { pluginPath }: PluginIdentity): InstalledProblem[] {
    const other = firstBut(key, this.#byPath.get(pluginPath));
    if (other === undefined) return [];
    const path = printable(pluginPath.slice(0, MAX_SHOWN));
    const message = `${other} has the same plugin path, ${path}: the engine loads whichever comes first; build one of them from another path, or have the package once, under one name`;
    return [{ code: "ALREADY_LOADED", message }];
  }

  #otherPackages(key: string, identity: PluginIdentity): InstalledProblem[] {
    const packages: string[] = [];
    const others = new Set<string>();
    for (const [path, hash] of packagesOf(identity)) {
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

  /** A plugin that has that package with another hash. */
  #differing(key: string, path: string, hash: string): string | undefined {
    for (const [otherHash, keys] of this.#byPackage.get(path) ?? []) {
      const other = otherHash === hash ? undefined : firstBut(key, keys);
      if (other !== undefined) return other;
    }
    return undefined;
  }

  #catchUp(type: PluginType): void {
    const entries = this.#entriesOf(type);
    if (this.#seen.get(type) === entries) return;
    const identities = this.#identities.get(type) ?? new Map<string, PluginIdentity>();
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
    this.#seen.set(type, entries);
  }

  #add(key: string, identity: PluginIdentity): void {
    addTo(this.#byPath, identity.pluginPath, key);
    for (const [path, hash] of packagesOf(identity)) {
      const byHash = this.#byPackage.get(path) ?? new Map<string, Set<string>>();
      this.#byPackage.set(path, byHash);
      addTo(byHash, hash, key);
    }
  }

  #remove(key: string, identity: PluginIdentity): void {
    removeFrom(this.#byPath, identity.pluginPath, key);
    for (const [path, hash] of packagesOf(identity)) {
      const byHash = this.#byPackage.get(path);
      if (byHash === undefined) continue;
      removeFrom(byHash, hash, key);
      if (byHash.size === 0) this.#byPackage.delete(path);
    }
  }
}

function firstBut(key: string, keys: Iterable<string> = []): string | undefined {
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
