import { stat } from "node:fs/promises";
import { mapInParallel } from "./in-parallel.ts";

/** From so many on, one sync of the whole file system takes less time than starting a program and one for each. */
export const MANY = 64;

/**
 * Makes files or folders durable. Very many of them are synced with their file system, at once: 10,000 times fsync take
 * a minute. Where that is impossible, each is synced, which also tells which of them the disk has lost.
 *
 * @param syncOne makes one durable
 * @param placeOf a path on the same file system; the fewer different ones, the faster
 * @throws the file system's error
 */
export async function syncMany(
  paths: Iterable<string>,
  syncOne: (path: string) => Promise<void>,
  placeOf: (path: string) => string,
): Promise<void> {
  const all = [...new Set(paths)];
  if (all.length < MANY) return syncEach(all, syncOne);
  for (const group of await byFileSystem(all, placeOf)) {
    const isSynced = group.length >= MANY && (await syncFileSystem(group[0] ?? ""));
    if (!isSynced) await syncEach(group, syncOne);
  }
}

async function syncEach(paths: readonly string[], syncOne: (path: string) => Promise<void>): Promise<void> {
  await mapInParallel(paths, syncOne);
}

async function byFileSystem(paths: readonly string[], placeOf: (path: string) => string): Promise<Iterable<string[]>> {
  const places = [...new Set(paths.map(placeOf))];
  const devices = new Map(await mapInParallel(places, async (place) => [place, (await stat(place)).dev] as const));
  const groups = new Map<number | undefined, string[]>();
  for (const path of paths) {
    const device = devices.get(placeOf(path));
    const group = groups.get(device);
    if (group === undefined) groups.set(device, [path]);
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
