/** Go packages that a plugin and an engine both contain. */
export interface PackageDifferences {
  /** How many both contain. */
  readonly shared: number;
  /** The import paths of those that are not the same in both, sorted. */
  readonly differing: readonly string[];
}

type Hashes = ReadonlyMap<string, string>;

/** The comparison that `plugin.Open` makes, all of it: Go stops at the first difference. */
export function compareHashes(plugin: Hashes, engine: Hashes): PackageDifferences {
  const shared = [...plugin.keys()].filter((path) => engine.has(path));
  return { shared: shared.length, differing: shared.filter((path) => plugin.get(path) !== engine.get(path)).sort() };
}
