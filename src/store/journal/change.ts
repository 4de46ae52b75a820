import { rename, rmdir, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { PluginError } from "../../domain/errors.ts";
import { type FilePath, type PluginId, volumeOf } from "../../domain/plugin.ts";
import type { PluginEntry, ReplacedVersion } from "../../domain/plugin-entry.ts";
import { duplicateFile, makeFolder, syncFolder, syncFolders } from "../../lib/durable.ts";
import { hasCode } from "../../lib/errors.ts";
import { exists, statIfThere } from "../../lib/files.ts";
import { makeWithMode } from "../../lib/folder-mode.ts";
import { mapInParallel } from "../../lib/in-parallel.ts";
import { MANY } from "../../lib/sync-many.ts";
import type { Layout } from "../layout.ts";
import type { Registry } from "../registry/registry.ts";
import { besideTarget, bringBeside, dropBeside, inWorkspace, isRenamed, restoreCopy } from "./across-mounts.ts";
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
  /** The registry's replaced version of that plugin afterwards; null for none, absent leaves it as it is. */
  readonly replaced?: ReplacedVersion | null;
  readonly moves: readonly Move[];
}

interface Context {
  readonly layout: Layout;
  readonly registry: Registry;
  readonly workspace: Workspace;
}

/**
 * Carries out a journalled change. The order is what makes it safe: the journal is durable before the first file is
 * touched, every old file has a second name before it is replaced, a file for another mount is copied beside its target
 * and the journal knows the copy before that is renamed, the folders are durable before the registry is
 * written, and the registry's rename is the moment at which the change has happened.
 *
 * @throws the file system's error; `undoChange` then restores everything
 */
export async function applyChange(change: Change, journal: Journal, context: Context): Promise<void> {
  await writeJournal(context.workspace, journal);
  await makeFolders(journal, context.layout);
  await saveOldFiles(journal, context);
  await moveIntoPlace(journal, context);
  await context.registry.update({
    id: change.id,
    entry: change.entry,
    ...(change.replaced !== undefined && { replaced: change.replaced }),
  });
}

/** Undoes what a change did so far. Can be repeated after being interrupted anywhere. */
export async function undoChange(journal: Journal, { layout, workspace }: Omit<Context, "registry">): Promise<void> {
  const failures: unknown[] = [];
  const folders: KnownFolders = new Map();
  for (const move of [...journal.moves].reverse()) {
    // One file that can't be restored must not prevent the others.
    await undoMove(move, folders, layout, workspace).catch((error) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
  await removeEmptyFolders(journal.newFolders.toReversed(), layout);
  await syncFolders(await existing(targetFolders(journal, layout)));
  await dropJournal(workspace);
}

/** Finishes a change that is in the registry: removes the plugin's folders that it emptied, then the journal. */
export async function finishChange(journal: Journal, { layout, workspace }: Omit<Context, "registry">): Promise<void> {
  const removals = journal.moves.filter(({ staged }) => staged === null);
  await removeEmptyFolders(ownFolders(removals, journal).sort().reverse(), layout);
  await dropJournal(workspace);
}

/**
 * Ends a change that was followed by another one of its plugin, which an earlier start could not see: the files are those of
 * that one. Removes the copies that it left beside its targets, then the journal.
 */
export async function abandonChange(journal: Journal, { layout, workspace }: Omit<Context, "registry">): Promise<void> {
  const folders: KnownFolders = new Map();
  for (const move of journal.moves) {
    await missingFolders(move.target as FilePath, layout, folders); // refuses links
    await dropBeside(move, layout.absolute(move.target as FilePath), workspace);
  }
  await dropJournal(workspace);
}

/**
 * Records what is there and what will be done to it. Changes nothing, except that it makes a missing folder of a type.
 *
 * @throws PluginError STORAGE_FAILED when a folder or a link is in the way
 */
export async function planChange(change: Change, { layout, workspace }: Omit<Context, "registry">): Promise<Journal> {
  const wanted: { readonly move: Move; readonly index: number; readonly missing: readonly FilePath[] }[] = [];
  const folders: KnownFolders = new Map();
  for (const [index, move] of change.moves.entries()) {
    wanted.push({ move, index, missing: await missingFolders(move.target, layout, folders) });
  }
  const found = await mapInParallel(wanted, async ({ move: { target, staged }, index, missing }) => {
    const old = await statIfThere(layout.absolute(target));
    if (old?.isDirectory())
      throw new PluginError("STORAGE_FAILED", `${target} is a folder; move it away and try again`);
    if (old === undefined && staged === null) return undefined; // already gone: nothing to remove
    const stagedStat = staged === null ? undefined : await statIfThere(workspace.file(volumeOf(target), staged));
    const stagedInode = stagedStat === undefined ? null : String(stagedStat.ino);
    const move: JournalMove = { target, staged, stagedInode, saved: old === undefined ? null : `${index}.old` };
    return { move, missing };
  });
  const known = found.filter((one) => one !== undefined);
  return {
    schema: 1,
    change: workspace.id,
    type: change.id.type,
    name: change.id.name,
    kind: change.entry === null ? "remove" : "install",
    moves: known.map(({ move }) => move),
    newFolders: [...new Set(known.flatMap(({ missing }) => missing))],
  };
}

/** Folders that were looked at: whether each is missing. Ten thousand files of a plugin are mostly in the same ones. */
type KnownFolders = Map<string, boolean>;

/**
 * The folders above `target` that have to be made, outermost first.
 *
 * @param known what is known of other targets' folders, and is from now on
 * @throws PluginError STORAGE_FAILED when one on the way is a link: what is behind it is not ours to change
 */
async function missingFolders(target: FilePath, layout: Layout, known: KnownFolders): Promise<FilePath[]> {
  const folders: FilePath[] = [];
  // Innermost first, up to one that is known, which means that those above it are too.
  for (let folder = dirname(target); depthOf(folder) >= 2 && known.get(folder) !== false; folder = dirname(folder)) {
    folders.unshift(folder as FilePath);
  }
  const missing: FilePath[] = [];
  for (const folder of folders) {
    // Folders of a type are shared by all changes, so none of them may remove one again.
    if (depthOf(folder) === 2) await makeFolder(layout.absolute(folder));
    const isMissing = known.get(folder);
    if (isMissing !== undefined) {
      if (isMissing) missing.push(folder);
      continue;
    }
    const stat = await statIfThere(layout.absolute(folder));
    known.set(folder, stat === undefined);
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

function depthOf(folder: string): number {
  let depth = 1;
  for (let at = folder.indexOf("/"); at !== -1; at = folder.indexOf("/", at + 1)) depth += 1;
  return depth;
}

/** A few folders are synced one after the other, as a power cut would have them; of very many, all at the end. */
async function makeFolders(journal: Journal, layout: Layout): Promise<void> {
  const isFew = journal.newFolders.length < MANY;
  for (const folder of journal.newFolders) {
    const path = layout.absolute(folder as FilePath);
    try {
      await makeWithMode(path);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error; // another plugin's change made it meanwhile
    }
    if (isFew) await syncFolder(dirname(path));
  }
  if (!isFew) await syncFolders(journal.newFolders.map((folder) => dirname(layout.absolute(folder as FilePath))));
}

/**
 * Does the same to each file of a change. Of a few, one after the other, as the journal has them. Of very many, several at
 * once: each has names of its own, and recovery asks for each what was done to it.
 */
async function toEach(moves: readonly JournalMove[], work: (move: JournalMove) => Promise<void>): Promise<void> {
  await mapInParallel(moves, work, moves.length < MANY ? { atOnce: 1 } : {});
}

async function saveOldFiles(journal: Journal, { layout, workspace }: Context): Promise<void> {
  const folders = new Set<string>();
  await toEach(journal.moves, async (move) => {
    if (move.saved === null) return;
    await duplicateFile(layout.absolute(move.target as FilePath), inWorkspace(workspace, move, move.saved));
    folders.add(workspace.folder(volumeOf(move.target as FilePath)));
  });
  await syncFolders(folders);
}

/** Removals come last, so that the engine finds a .so at every instant. */
async function moveIntoPlace(journal: Journal, { layout, workspace }: Context): Promise<void> {
  const removals = journal.moves.filter(({ staged }) => staged === null);
  const placed = journal.moves.filter(({ staged }) => staged !== null);
  const onOtherMounts: JournalMove[] = [];
  await toEach(placed, async (move) => {
    const staged = inWorkspace(workspace, move, move.staged ?? "");
    if (!(await isRenamed(staged, layout.absolute(move.target as FilePath)))) onOtherMounts.push(move);
  });
  if (onOtherMounts.length > 0) await bringBeside(onOtherMounts, journal, layout, workspace);
  await toEach(onOtherMounts, async (move) => {
    const target = layout.absolute(move.target as FilePath);
    await rename(besideTarget(target, workspace, move.staged ?? ""), target);
  });
  await toEach(removals, (move) => unlink(layout.absolute(move.target as FilePath)));
  await syncFolders(targetFolders(journal, layout));
}

async function undoMove(move: JournalMove, folders: KnownFolders, layout: Layout, workspace: Workspace): Promise<void> {
  await missingFolders(move.target as FilePath, layout, folders); // refuses links, which may have been made since
  const target = layout.absolute(move.target as FilePath);
  if (move.saved !== null) await restore(move, move.saved, target, workspace);
  else if (move.stagedInode !== null) await removeIfOurs(target, move.stagedInode);
  await dropBeside(move, target, workspace);
}

async function restore(move: JournalMove, name: string, target: string, workspace: Workspace): Promise<void> {
  const saved = inWorkspace(workspace, move, name);
  const old = await statIfThere(saved);
  if (old === undefined) return; // not saved yet, so not touched yet; or restored already
  const now = await statIfThere(target);
  if (now !== undefined && now.ino === old.ino && now.dev === old.dev) return; // saved, but never replaced
  if (await isRenamed(saved, target)) return;
  // Saved as a copy: what is there and is not ours is the old file itself, which was never replaced.
  if (now !== undefined && String(now.ino) !== move.stagedInode) return;
  await restoreCopy(saved, target, besideTarget(target, workspace, name));
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
      if (!hasCode(error, "ENOENT", "ENOTEMPTY", "EEXIST", "EBUSY")) throw error; // EBUSY: it is mounted by itself
    }
  }
}

/** The folders between a plugin's own `etc/T/N` (included) and its files. */
function ownFolders(moves: readonly JournalMove[], journal: Journal): string[] {
  const found = new Set<string>();
  for (const { target } of moves) {
    const [volume, , name] = target.split("/", 3);
    if (volume !== "etc" || name !== journal.name) continue;
    for (let folder = dirname(target); depthOf(folder) >= 3 && !found.has(folder); folder = dirname(folder)) {
      found.add(folder);
    }
  }
  return [...found];
}

/** Each once. */
function targetFolders(journal: Journal, layout: Layout): string[] {
  return [...new Set(journal.moves.map((move) => dirname(layout.absolute(move.target as FilePath))))];
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const isThere = await Promise.all(paths.map(exists));
  return paths.filter((_, index) => isThere[index]);
}
