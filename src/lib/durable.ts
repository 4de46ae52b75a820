import { randomBytes } from "node:crypto";
import { constants, copyFile, link, lstat, open, readdir, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { hasCode } from "./errors.ts";
import { makeWithMode } from "./folder-mode.ts";
import { syncMany } from "./sync-many.ts";

// What survives a power cut: content that is synced before it gets its name, and names that are synced too.

const TEMPORARY_ENDING = /^[0-9a-f]{12}\.tmp$/;

/** Makes the content of a file, or the names in a folder, durable. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r"); // "r" also opens what is read-only
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the names in a folder durable: after a power cut, files that were renamed into it are there. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    // Some network and FUSE file systems can't sync a folder; their renames are as durable as they get.
    if (!hasCode(error, "EINVAL", "ENOTSUP", "EOPNOTSUPP")) throw error;
  } finally {
    await handle.close();
  }
}

export async function syncFolders(folders: Iterable<string>): Promise<void> {
  await syncMany(folders, syncFolder, (folder) => folder); // each may be a mount of its own
}

/**
 * Makes the content of files that we made durable, and no more than that: their names are once their folders are synced.
 * (None of them is mounted by itself, so each is on its folder's file system.)
 */
export async function syncFiles(files: Iterable<string>): Promise<void> {
  await syncMany(files, syncFile, dirname);
}

/**
 * Makes a folder, and those above it that are missing, so that a power cut does not take them away again.
 * (Node's own recursive mkdir says ENOENT where the disk is read-only.) The modes are ours, whatever the umask.
 */
export async function makeFolder(folder: string, mode?: number): Promise<void> {
  try {
    await makeWithMode(folder, mode);
  } catch (error) {
    if (await isFolder(folder)) return;
    if (!hasCode(error, "ENOENT") || folder === dirname(folder)) throw error;
    await makeFolder(dirname(folder));
    return makeFolder(folder, mode);
  }
  await syncFolder(dirname(folder));
}

/** A link to a folder counts. */
async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false, // the caller's error is the one that matters
  );
}

/** Replaces a file's content so that at every instant, also after a power cut, it has the old or the new one whole. */
export async function replaceFile(file: string, content: string, mode = 0o644): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first error is the one that matters
    throw error;
  }
  await syncFolder(dirname(file));
}

/** Removes what `replaceFile` left beside `file` when the process was killed during it. */
export async function dropTemporaries(file: string): Promise<void> {
  const folder = dirname(file);
  const prefix = `${basename(file)}.`;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix) || !TEMPORARY_ENDING.test(name.slice(prefix.length))) continue;
    await rm(join(folder, name), { force: true });
  }
}

/**
 * Gives a file a second name, whole or not at all: a hard link, or a durable copy on a file system without links, and where
 * the two names are on different mounts. The name itself is durable once its folder is synced.
 */
export async function duplicateFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!hasCode(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV")) throw error;
    await copyDurably(from, to);
  }
}

/**
 * Copies a file, whole or not at all, replacing what is there; its content is durable, its name once the folder is
 * synced. A symbolic link is copied as one.
 */
async function copyDurably(from: string, to: string): Promise<void> {
  if ((await lstat(from)).isSymbolicLink()) return symlink(await readlink(from), to);
  await copyWhole(from, to, syncFile);
}

/** Copies a regular file, whole or not at all, for a caller that syncs it later, with others. */
export async function copyWhole(from: string, to: string, sync = async (_path: string) => {}): Promise<void> {
  const partial = `${to}.partial`;
  await copyFile(from, partial, constants.COPYFILE_FICLONE);
  await sync(partial);
  await rename(partial, to);
}
