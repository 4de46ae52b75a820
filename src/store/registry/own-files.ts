import { isFilePath, isOwnFile, type PluginId } from "../../domain/plugin.ts";
import type { InstalledFile, PluginEntry, PluginVersion } from "../../domain/plugin-entry.ts";
import type { Log } from "../../lib/log.ts";

/** How many of the files are logged. */
const MAX_LOGGED = 10;

/**
 * An entry without the files of others: a delete removes what an entry names, and a registry that was edited by hand,
 * or damaged, must not make it remove another plugin's. The same entry where there are none.
 */
export function withOwnFiles(id: PluginId, entry: PluginEntry, log: Log): PluginEntry {
  const isOwn = ({ path, defaultOf }: InstalledFile) =>
    isOwnFile(id, path) && (defaultOf === undefined || (isFilePath(defaultOf) && isOwnFile(id, defaultOf)));
  const all = [entry, ...(entry.versions ?? [])].flatMap(({ files }) => files);
  const others = all.filter((file) => !isOwn(file));
  const { displaced = [] } = entry;
  const ownDisplaced = displaced.filter(({ path, backup }) => isOwnFile(id, path) && isOwnFile(id, backup));
  others.push(...displaced.filter((file) => !ownDisplaced.includes(file)));
  if (others.length === 0) return entry;
  const files = others.slice(0, MAX_LOGGED).map(({ path }) => path);
  log.warn({ plugin: id, files, count: others.length }, "the registry names files that are not this plugin's: ignored");
  const cleaned = <V extends PluginVersion>(version: V): V => ({ ...version, files: version.files.filter(isOwn) });
  const versions = entry.versions?.map(cleaned);
  const isDisplacing = entry.displaced !== undefined;
  return { ...cleaned(entry), ...(versions && { versions }), ...(isDisplacing && { displaced: ownDisplaced }) };
}
