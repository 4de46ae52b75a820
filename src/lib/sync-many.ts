import { stat } from "node:fs/promises";
import pLimit from "p-limit";

/** From so many on, one sync of the whole file system takes less time than starting a program and one for each. */
export const MANY = 64;
/** Of those that are synced one by one: not more than there are file descriptors to spare. */
const AT_ONCE = 8;

/**
 * Makes files or folders durable. Very many of them are synced with their file system, at once: 10,000 times fsync take
 * a minute. Where that is impossible, each is synced, which also tells which of them the disk has lost.
 *
 * @param syncOne makes one durable
 * @throws the file system's error
 */
export async function syncMany(paths: Iterable<string>, syncOne: (path: string) => Promise<void>): Promise<void> {
  const all = [...new Set(paths)];
  if (all.length < MANY) return syncEach(all, syncOne);
  for (const group of await byFileSystem(all)) {
    const isSynced = group.length >= MANY && (await syncFileSystem(group[0] ?? ""));
    if (!isSynced) await syncEach(group, syncOne);
  }
}

async function syncEach(paths: readonly string[], syncOne: (path: string) => Promise<void>): Promise<void> {
  const limit = pLimit(AT_ONCE);
  await Promise.all(paths.map((path) => limit(() => syncOne(path))));
}

async function byFileSystem(paths: readonly string[]): Promise<Iterable<string[]>> {
  const groups = new Map<number, string[]>();
  for (const path of paths) {
    const { dev } = await stat(path);
    const group = groups.get(dev);
    if (group === undefined) groups.set(dev, [path]);
    else group.push(path);
  }
  return groups.values();
}

/**
 * By the program of coreutils, or of busybox, since Node has no syncfs(2).
 *
 * @returns false where there is no such program, or it fails
 */
async function syncFileSystem(path: string): Promise<boolean> {
  const { execa } = await import("execa"); // loaded here: most servers never see so many files
  const { failed } = await execa("sync", ["-f", path], { reject: false, stdio: "ignore" });
  return !failed;
}
