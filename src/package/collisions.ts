import { spellingKey } from "../lib/text.ts";
import type { EntryPath } from "./entry-name.ts";
import { invalidZip, refuseIf } from "./refusal.ts";
import type { ZipEntry } from "./zip-entry.ts";

interface ComparedEntry extends EntryPath {
  readonly entry: ZipEntry;
  /** Whether it is a file of the engine's, or install.sh: nothing else may be taken for it. */
  readonly isStrict: boolean;
}

/**
 * No path of the engine's may mean two files, on any file system: these are compared with all others without case and in
 * one Unicode form. Of the rest, only what can't be on a disk together is ambiguous. Every folder is looked at once,
 * however many entries are in it.
 *
 * @param maxFolders there may be no more of them
 * @returns paths of which readers would differ in what is there; none of them is an engine's
 * @throws PluginError ARCHIVE_INVALID
 */
export function findCollisions(entries: readonly ComparedEntry[], maxFolders: number): ReadonlySet<string> {
  const ambiguous = new Set<string>();
  const keys = new Map(entries.map((named) => [named, spellingKey(named.path)]));
  const ordered = [...keys].sort(([a], [b]) => Number(b.isStrict) - Number(a.isStrict));

  const paths = new Set<string>();
  const strictOf = new Map<string, boolean>(); // whether the file of that key is strict
  for (const [{ entry, path, isFolder, isStrict }, key] of ordered) {
    if (isFolder) continue;
    const isTaken = strictOf.get(key) === true; // strict ones come first
    refuseIf(isTaken, entry, "there are two entries of that name (upper and lower case are the same)");
    if (paths.has(path)) ambiguous.add(path);
    paths.add(path);
    strictOf.set(key, isStrict);
  }

  const folders = new Set<string>();
  for (const [{ entry, path, isFolder, isStrict }, key] of ordered) {
    let folder = isFolder ? path : parentOf(path);
    let folderKey = isFolder ? key : parentOf(key);
    while (folder !== "" && !folders.has(folder)) {
      const isStrictFile = strictOf.get(folderKey);
      const isRefused = isStrictFile === true || (isStrictFile === false && isStrict);
      refuseIf(isRefused, entry, "a part of its path is also a file");
      if (paths.has(folder)) ambiguous.add(folder);
      folders.add(folder);
      folder = parentOf(folder);
      folderKey = parentOf(folderKey);
    }
    if (folders.size > maxFolders) {
      throw invalidZip(`its entries are in more than ${maxFolders} folders (pluginPackage.maxEntries)`);
    }
  }
  return ambiguous;
}

/** Whether the path, or a folder that it is in, is one of `paths`. */
export function isAtOrBelow(paths: ReadonlySet<string>, path: string): boolean {
  if (paths.size === 0) return false;
  for (let at = path; at !== ""; at = parentOf(at)) if (paths.has(at)) return true;
  return false;
}

/** Empty for what is in no folder. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
