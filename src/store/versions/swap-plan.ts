import { type FilePath, volumeOf } from "../../domain/plugin.ts";
import type { InstalledFile } from "../../domain/plugin-entry.ts";
import type { LiveFiles } from "./edited-files.ts";
import { suffixed } from "./suffixed.ts";

/** A file of the version that comes. */
export interface IncomingFile {
  readonly target: FilePath;
  readonly sha256: string;
  readonly bytes?: number;
}

export interface Swap<F extends IncomingFile> {
  /** The files of the version that goes, and any other .so of the plugin's name. */
  readonly old: readonly InstalledFile[];
  readonly incoming: readonly F[];
  /** Files of users that the version that comes counts among its own, such as those of an adopted plugin. */
  readonly users: readonly FilePath[];
  readonly live: LiveFiles;
}

export interface SwapPlan<F extends IncomingFile> {
  /** What the entry says afterwards. */
  readonly files: readonly InstalledFile[];
  readonly additions: readonly { readonly target: FilePath; readonly file: F }[];
  readonly removals: readonly FilePath[];
  /** What a user wrote, and what an addition is about to replace all the same. */
  readonly edited: readonly FilePath[];
}

/**
 * Decides what becomes of every file when a version takes the place of another one. Pure.
 *
 * A configuration file belongs to its user from the first edit on: it stays, whatever comes, and the new default lies
 * beside it as `.new`. One that nobody edited goes with its version. A .so is never a user's.
 */
export function planSwap<F extends IncomingFile>({ old, incoming, users, live }: Swap<F>): SwapPlan<F> {
  const recorded = new Map(old.map(({ path, sha256 }) => [path, sha256]));
  const beside = namesBeside(incoming, users);
  const files: InstalledFile[] = [];
  const additions: { target: FilePath; file: F }[] = [];
  const edited: FilePath[] = [];
  const isEdited = (path: FilePath, coming: string) =>
    live.has(path) && ![coming, recorded.get(path)].includes(live.get(path) ?? "");

  for (const file of incoming) {
    const { target, sha256, bytes } = file;
    const content = { sha256, ...(bytes === undefined ? {} : { bytes }) };
    files.push({ path: target, ...content });
    if (volumeOf(target) === "plugins") {
      if (live.get(target) !== sha256) additions.push({ target, file });
      continue;
    }
    const name = isEdited(target, sha256) ? beside.get(target) : undefined;
    additions.push({ target: name ?? target, file });
    if (name === undefined) continue;
    files.push({ path: name, ...content, defaultOf: target });
    if (isEdited(name, sha256)) edited.push(name);
  }
  files.push(...users.map((path) => ({ path })));

  const stays = new Set(files.map(({ path }) => path));
  const removals = old.filter(
    ({ path, sha256 }) => !stays.has(path) && (volumeOf(path) === "plugins" || live.get(path) === (sha256 ?? "")),
  );
  return { files, additions, removals: removals.map(({ path }) => path), edited };
}

/** Where the default of each configuration file would lie, should a user have edited the file. */
export function namesBeside(incoming: readonly IncomingFile[], users: readonly FilePath[]): Map<FilePath, FilePath> {
  const taken = new Set([...incoming.map(({ target }) => target), ...users]);
  const names = new Map<FilePath, FilePath>();
  for (const { target } of incoming) {
    if (volumeOf(target) !== "etc") continue;
    for (const name of suffixed(target, ".new")) {
      if (taken.has(name)) continue;
      taken.add(name); // two long names can be the same once they are cut
      names.set(target, name);
      break;
    }
  }
  return names;
}
