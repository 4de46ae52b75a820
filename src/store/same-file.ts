import type { FilePath } from "../domain/plugin.ts";
import { statIfThere } from "../lib/files.ts";
import { spellingKey } from "../lib/text.ts";
import type { Layout } from "./layout.ts";

/**
 * Whether two paths are spellings of one file: on a disk without upper and lower case `Random.so` and `random.so` are,
 * and removing the one would remove the other.
 *
 * @throws the file system's error
 */
export async function isSameFile(one: FilePath, other: FilePath, layout: Layout): Promise<boolean> {
  if (one === other) return true;
  if (spellingKey(one) !== spellingKey(other)) return false;
  const [a, b] = [await statIfThere(layout.absolute(one)), await statIfThere(layout.absolute(other))];
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** @returns for each of the paths that `isSameFile` takes for one of `targets`: that one */
export async function respelled(
  paths: readonly FilePath[],
  targets: readonly FilePath[],
  layout: Layout,
): Promise<ReadonlyMap<FilePath, FilePath>> {
  const byKey = new Map(targets.map((target) => [spellingKey(target), target]));
  const found = new Map<FilePath, FilePath>();
  for (const path of paths) {
    const target = byKey.get(spellingKey(path));
    if (target !== undefined && (await isSameFile(path, target, layout))) found.set(path, target);
  }
  return found;
}
