import { type FilePath, volumeOf } from "../../domain/plugin.ts";
import { duplicateFile, exists, statIfThere } from "../../lib/durable.ts";
import { sha256OfFile } from "../../lib/files.ts";
import type { Move } from "../journal/change.ts";
import type { Workspace } from "../journal/workspace.ts";
import type { Layout } from "../layout.ts";
import { suffixed } from "./suffixed.ts";

/** A configuration file that a change replaces or removes. */
export interface Touched {
  readonly path: FilePath;
  /** What the file may be without being worth keeping: as it was installed, or as it is about to be. */
  readonly sha256?: string;
}

/**
 * The moves that keep what users wrote: a file with other content than expected becomes `<name>.bak`, or
 * `<name>.bak.1` and so on where that is taken.
 */
export async function keepEditedFiles(
  touched: readonly Touched[],
  layout: Layout,
  workspace: Workspace,
): Promise<Move[]> {
  const files = touched.filter(({ path }) => volumeOf(path) === "etc");
  const live = await readLiveFiles(
    files.map(({ path }) => path),
    layout,
  );
  const edited = files.filter(({ path, sha256 }) => live.has(path) && live.get(path) !== sha256);
  return backUpFiles(
    edited.map(({ path }) => path),
    touched.map(({ path }) => path),
    layout,
    workspace,
  );
}

/** The moves that give files a second name, which is none of those that are `reserved` for the change itself. */
export async function backUpFiles(
  paths: readonly FilePath[],
  reserved: Iterable<FilePath>,
  layout: Layout,
  workspace: Workspace,
): Promise<Move[]> {
  const moves: Move[] = [];
  const taken = new Set(reserved);
  for (const path of paths) {
    const target = await freeBackupName(path, taken, layout);
    taken.add(target); // two long names can be the same once they are cut
    const { name: staged, path: copy } = workspace.stage(target);
    await duplicateFile(layout.absolute(path), copy);
    moves.push({ target, staged });
  }
  return moves;
}

/** A name that nothing has, neither on the disk nor in the change itself. */
async function freeBackupName(path: FilePath, taken: ReadonlySet<string>, layout: Layout): Promise<FilePath> {
  for (const name of suffixed(path, ".bak")) {
    if (!taken.has(name) && !(await exists(layout.absolute(name)))) return name;
  }
  throw new Error("never: there is no end of names");
}

/**
 * What is there now: the sha256 of each file, null for a link and anything else that is no file. What is not there is
 * not in it, nor are folders: they are in the way, and the change will be refused for them.
 */
export type LiveFiles = ReadonlyMap<FilePath, string | null>;

/** Reads every file, so it is for configuration, not for a .so. */
export async function readLiveFiles(paths: Iterable<FilePath>, layout: Layout): Promise<LiveFiles> {
  const live = new Map<FilePath, string | null>();
  for (const path of new Set(paths)) {
    const file = layout.absolute(path);
    const stat = await statIfThere(file);
    if (stat === undefined || stat.isDirectory()) continue;
    live.set(path, stat.isFile() ? await sha256OfFile(file) : null);
  }
  return live;
}
