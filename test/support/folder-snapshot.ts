import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join, relative } from "node:path";

/** The folders that hold work in progress and kept versions. They stay; what is in them must not. */
const WORK_FOLDERS: readonly string[] = [
  ...["plugins/.changes", "plugins/.versions", "plugins/.incoming"],
  ...["etc/.changes", "etc/.versions"],
];

/** The record of jobs, which each change adds to, also one that fails. */
const RECORD = "plugins/.jobs";

/**
 * Everything below a folder, registry and hidden files included, but for the record of jobs, as path → mode and content. Two equal snapshots mean
 * that nothing has changed. What is below the folders for work in progress counts; the empty folders do not.
 */
export async function snapshot(folder: string): Promise<Record<string, string>> {
  const items = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = items.map(async (item) => {
    const path = join(item.parentPath, item.name);
    return [relative(folder, path), await describe(path)] as const;
  });
  const all = await Promise.all(lines);
  const isRecord = (path: string) => path === RECORD || path.startsWith(`${RECORD}/`);
  return Object.fromEntries(all.filter(([path]) => !WORK_FOLDERS.includes(path) && !isRecord(path)).sort());
}

/** The permissions of a file, as `755`. */
export async function modeOf(path: string): Promise<string> {
  return ((await lstat(path)).mode & 0o7777).toString(8);
}

async function describe(path: string): Promise<string> {
  const stat = await lstat(path);
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isDirectory()) return `folder ${mode}`;
  if (stat.isSymbolicLink()) return `link to ${await readlink(path)}`;
  if (!stat.isFile()) return `special ${mode}`;
  return `file ${mode} ${createHash("sha256")
    .update(await readFile(path))
    .digest("hex")}`;
}
