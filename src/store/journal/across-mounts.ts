import { constants, copyFile, lstat, readlink, rename, rm, symlink, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type FilePath, volumeOf } from "../../domain/plugin.ts";
import { syncFiles, syncFolder } from "../../lib/durable.ts";
import { hasCode } from "../../lib/errors.ts";
import { statIfThere } from "../../lib/files.ts";
import type { Layout } from "../layout.ts";
import { type Journal, type JournalMove, writeJournal } from "./journal.ts";
import type { Workspace } from "./workspace.ts";

// A folder of the engine may be mounted by itself, so that nothing can be renamed or linked into it from the workspace.
// Only trying tells: a bind mount has the same device number, and quotas of a file system have the same effect.

export function inWorkspace(workspace: Workspace, move: JournalMove, name: string): string {
  return workspace.file(volumeOf(move.target as FilePath), name);
}

/** Renames a file, unless the new name is on another mount: then nothing is done. */
export async function isRenamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, "EXDEV")) return false;
    throw error;
  }
}

/**
 * The hidden name beside a target under which a file of the workspace waits. It is the change's own, and the journal is
 * enough to find it again. No engine reads it: it has none of the endings that engines look for.
 */
export function besideTarget(target: string, workspace: Workspace, name: string): string {
  return join(dirname(target), `.${workspace.id}.${name}`);
}

/**
 * Brings the prepared files beside their targets, by a rename where that is possible. A copy has an inode of its own,
 * which undoing has to know, so the journal is durable again before the first target is touched.
 *
 * @throws the file system's error; nothing but hidden files has been made then
 */
export async function bringBeside(
  moves: readonly JournalMove[],
  journal: Journal,
  layout: Layout,
  workspace: Workspace,
): Promise<void> {
  const copies: string[] = [];
  for (const move of moves) {
    if (move.staged === null) continue;
    const staged = inWorkspace(workspace, move, move.staged);
    const beside = besideTarget(layout.absolute(move.target as FilePath), workspace, move.staged);
    if (!(await isRenamed(staged, beside)) && (await copyOver(staged, beside))) copies.push(beside);
    move.stagedInode = String((await lstat(beside, { bigint: true })).ino);
  }
  await syncFiles(copies);
  await writeJournal(workspace, journal);
}

/** Puts a saved file back that is on another mount: at every instant the target is what it was, or whole. */
export async function restoreCopy(saved: string, target: string, beside: string): Promise<void> {
  if (await copyOver(saved, beside)) await syncFiles([beside]);
  await rename(beside, target);
  await syncFolder(dirname(target)); // before the only other copy goes
  await unlink(saved);
}

/** Removes what an interrupted change left beside a target. */
export async function dropBeside(move: JournalMove, target: string, workspace: Workspace): Promise<void> {
  for (const name of [move.staged, move.saved]) {
    if (name === null) continue;
    const beside = besideTarget(target, workspace, name);
    if ((await statIfThere(beside)) !== undefined) await rm(beside, { force: true });
  }
}

/** @returns whether it is a regular file, whose content has to be synced; a symbolic link is copied as one */
async function copyOver(from: string, to: string): Promise<boolean> {
  await rm(to, { force: true });
  const isLink = (await lstat(from)).isSymbolicLink();
  if (isLink) await symlink(await readlink(from), to);
  else await copyFile(from, to, constants.COPYFILE_FICLONE);
  return !isLink;
}
