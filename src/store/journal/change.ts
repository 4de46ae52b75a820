import { mkdir, rename, rmdir, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { PluginError } from "../../domain/errors.ts";
import { type FilePath, type PluginId, volumeOf } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { duplicateFile, makeFolder, syncFolder, syncFolders } from "../../lib/durable.ts";
import { hasCode } from "../../lib/errors.ts";
import { exists, statIfThere } from "../../lib/files.ts";
import type { Layout } from "../layout.ts";
import type { Registry } from "../registry/registry.ts";
import { dropJournal, type Journal, type JournalMove, writeJournal } from "./journal.ts";
import type { Workspace } from "./workspace.ts";

/** One file of a change. */
export interface Move {
  readonly target: FilePath;
  /** The name of the prepared file in the target's workspace, whole and synced; null removes the target. */
  readonly staged: string | null;
}

/** What a change does, all of it or nothing. `entry` is the registry's afterwards; null for a removal. */
export interface Change {
  readonly id: PluginId;
  readonly entry: PluginEntry | null;
  readonly moves: readonly Move[];
}

interface Context {
  readonly layout: Layout;
  readonly registry: Registry;
  readonly workspace: Workspace;
}

/**
 * Carries out a journalled change. The order is what makes it safe: the journal is durable before the first file is
 * touched, every old file has a second name before it is replaced, the folders are durable before the registry is
 * written, and the registry's rename is the moment at which the change has happened.
 *
 * @throws the file system's error; `undoChange` then restores everything
 */
export async function applyChange(change: Change, journal: Journal, context: Context): Promise<void> {
  await writeJournal(context.workspace, journal);
  await makeFolders(journal, context.layout);
  await saveOldFiles(journal, context);
  await moveIntoPlace(journal, context);
  await context.registry.update({ id: change.id, entry: change.entry });
}

/** Undoes what a change did so far. Can be repeated after being interrupted anywhere. */
export async function undoChange(journal: Journal, { layout, workspace }: Omit<Context, "registry">): Promise<void> {
  const failures: unknown[] = [];
  for (const move of [...journal.moves].reverse()) {
    // One file that can't be restored must not prevent the others.
    await undoMove(move, layout, workspace).catch((error) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
  await removeEmptyFolders(journal.newFolders.toReversed(), layout);
  await syncFolders(await existing(targetFolders(journal, layout)));
  await dropJournal(workspace);
}

/** Finishes a change that is in the registry: removes the plugin's folders that it emptied, then the journal. */
export async function finishChange(journal: Journal, { layout, workspace }: Omit<Context, "registry">): Promise<void> {
  const removals = journal.moves.filter(({ staged }) => staged === null);
  const folders = removals.flatMap((move) => ownFolders(move.target as FilePath, journal));
  await removeEmptyFolders([...new Set(folders)].sort().reverse(), layout);
  await dropJournal(workspace);
}

/**
 * Records what is there and what will be done to it. Changes nothing, except that it makes a missing folder of a type.
 *
 * @throws PluginError STORAGE_FAILED when a folder or a link is in the way
 */
export async function planChange(change: Change, { layout, workspace }: Omit<Context, "registry">): Promise<Journal> {
  const moves: JournalMove[] = [];
  const newFolders = new Set<string>();
  for (const [index, { target, staged }] of change.moves.entries()) {
    const missing = await missingFolders(target, layout);
    const old = await statIfThere(layout.absolute(target));
    if (old?.isDirectory())
      throw new PluginError("STORAGE_FAILED", `${target} is a folder; move it away and try again`);
    if (old === undefined && staged === null) continue; // already gone: nothing to remove
    for (const folder of missing) newFolders.add(folder);
    const stagedStat = staged === null ? undefined : await statIfThere(workspace.file(volumeOf(target), staged));
    moves.push({
      target,
      staged,
      stagedInode: stagedStat === undefined ? null : String(stagedStat.ino),
      saved: old === undefined ? null : `${index}.old`,
    });
  }
  return {
    schema: 1,
    change: workspace.id,
    type: change.id.type,
    name: change.id.name,
    kind: change.entry === null ? "remove" : "install",
    moves,
    newFolders: [...newFolders],
  };
}

/**
 * The folders above `target` that have to be made, outermost first.
 *
 * @throws PluginError STORAGE_FAILED when one on the way is a link: what is behind it is not ours to change
 */
async function missingFolders(target: FilePath, layout: Layout): Promise<FilePath[]> {
  const missing: FilePath[] = [];
  const segments = target.split("/").slice(0, -1);
  // Folders of a type are shared by all changes, so none of them may remove one again.
  await makeFolder(layout.absolute(segments.slice(0, 2).join("/") as FilePath));
  for (let depth = 2; depth <= segments.length; depth += 1) {
    const folder = segments.slice(0, depth).join("/") as FilePath;
    const stat = await statIfThere(layout.absolute(folder));
    if (stat === undefined) missing.push(folder);
    else if (!stat.isDirectory()) {
      throw new PluginError(
        "STORAGE_FAILED",
        `${folder} is not a folder but a link or a file; move it away and try again`,
      );
    }
  }
  return missing;
}

async function makeFolders(journal: Journal, layout: Layout): Promise<void> {
  for (const folder of journal.newFolders) {
    const path = layout.absolute(folder as FilePath);
    try {
      await mkdir(path);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error; // another plugin's change made it meanwhile
    }
    await syncFolder(dirname(path));
  }
}

async function saveOldFiles(journal: Journal, { layout, workspace }: Context): Promise<void> {
  const folders = new Set<string>();
  for (const move of journal.moves) {
    if (move.saved === null) continue;
    await duplicateFile(layout.absolute(move.target as FilePath), inWorkspace(workspace, move, move.saved));
    folders.add(workspace.folder(volumeOf(move.target as FilePath)));
  }
  await syncFolders(folders);
}

async function moveIntoPlace(journal: Journal, { layout, workspace }: Context): Promise<void> {
  for (const move of journal.moves) {
    const target = layout.absolute(move.target as FilePath);
    if (move.staged === null) await unlink(target);
    else await rename(inWorkspace(workspace, move, move.staged), target);
  }
  await syncFolders(targetFolders(journal, layout));
}

async function undoMove(move: JournalMove, layout: Layout, workspace: Workspace): Promise<void> {
  await missingFolders(move.target as FilePath, layout); // refuses links, which may have been made since
  const target = layout.absolute(move.target as FilePath);
  if (move.saved !== null) await restore(inWorkspace(workspace, move, move.saved), target);
  else if (move.stagedInode !== null) await removeIfOurs(target, move.stagedInode);
}

async function restore(saved: string, target: string): Promise<void> {
  const old = await statIfThere(saved);
  if (old === undefined) return; // not saved yet, so not touched yet; or restored already
  const now = await statIfThere(target);
  if (now !== undefined && now.ino === old.ino && now.dev === old.dev) return; // saved, but never replaced
  await rename(saved, target);
}

async function removeIfOurs(target: string, inode: string): Promise<void> {
  const stat = await statIfThere(target);
  if (stat !== undefined && String(stat.ino) === inode) await unlink(target);
}

async function removeEmptyFolders(folders: readonly string[], layout: Layout): Promise<void> {
  for (const folder of folders) {
    try {
      await rmdir(layout.absolute(folder as FilePath));
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTEMPTY", "EEXIST")) throw error;
    }
  }
}

/** The folders between a plugin's own `etc/T/N` (included) and one of its files. */
function ownFolders(target: FilePath, journal: Journal): FilePath[] {
  const segments = target.split("/").slice(0, -1);
  if (segments[0] !== "etc" || segments[2] !== journal.name) return [];
  return segments.slice(2).map((_, index) => segments.slice(0, index + 3).join("/") as FilePath);
}

function targetFolders(journal: Journal, layout: Layout): string[] {
  return journal.moves.map((move) => dirname(layout.absolute(move.target as FilePath)));
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const isThere = await Promise.all(paths.map(exists));
  return paths.filter((_, index) => isThere[index]);
}

function inWorkspace(workspace: Workspace, move: JournalMove, name: string): string {
  return workspace.file(volumeOf(move.target as FilePath), name);
}
