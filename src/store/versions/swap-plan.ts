import { type FilePath, volumeOf } from "../../domain/plugin.ts";
import type { InstalledFile } from "../../domain/plugin-entry.ts";
import { type LiveFiles, suffixed } from "./edited-files.ts";

/** A file of the new version. */
export interface IncomingFile {
  readonly target: FilePath;
  readonly sha256: string;
  readonly bytes?: number;
}

export interface Swap<F extends IncomingFile> {
  /** The files of the old version, and any other .so of the plugin's name. */
  readonly old: readonly InstalledFile[];
  readonly incoming: readonly F[];
  /** Files of unknown content that the new version counts among its own, such as those of an adopted plugin. */
  readonly users: readonly FilePath[];
  readonly live: LiveFiles;
  /** Configuration that is mounted by itself: it counts as edited, and can't be removed either. */
  readonly mounted?: ReadonlySet<FilePath>;
}

interface SwapPlan<F extends IncomingFile> {
  /** The files of the new entry. */
  readonly files: readonly InstalledFile[];
  readonly additions: readonly { readonly target: FilePath; readonly file: F }[];
  readonly removals: readonly FilePath[];
  /** Files with a user's edits that an addition replaces all the same: they are backed up. */
  readonly edited: readonly FilePath[];
}

/**
 * Decides what happens to every file when one version replaces another. Pure.
 *
 * A configuration file belongs to its user from the first edit on: it stays, and the new default is put beside it as
 * `.new`. An unedited one is replaced or removed with its version. A .so never belongs to a user.
 */
export function planSwap<F extends IncomingFile>({
  old,
  incoming,
  users,
  live,
  mounted = new Set(),
}: Swap<F>): SwapPlan<F> {
  const recorded = new Map(old.map(({ path, sha256 }) => [path, sha256]));
  const beside = namesBeside(incoming, users);
  const files: InstalledFile[] = [];
  const additions: { target: FilePath; file: F }[] = [];
  const edited: FilePath[] = [];
  const isEdited = (path: FilePath, incomingSha256: string) =>
    live.has(path) && ![incomingSha256, recorded.get(path)].includes(live.get(path) ?? "");

  for (const file of incoming) {
    const { target, sha256, bytes } = file;
    const content = { sha256, ...(bytes === undefined ? {} : { bytes }) };
    files.push({ path: target, ...content });
    if (volumeOf(target) === "plugins") {
      if (live.get(target) !== sha256) additions.push({ target, file });
      continue;
    }
    if (mounted.has(target) && live.get(target) === sha256) continue;
    const name = mounted.has(target) || isEdited(target, sha256) ? beside.get(target) : undefined;
    additions.push({ target: name ?? target, file });
    if (name === undefined) continue;
    files.push({ path: name, ...content, defaultOf: target });
    if (isEdited(name, sha256)) edited.push(name);
  }
  files.push(...users.map((path) => ({ path })));

  const stays = new Set(files.map(({ path }) => path));
  const removals = old.filter(
    ({ path, sha256 }) =>
      !stays.has(path) && !mounted.has(path) && (volumeOf(path) === "plugins" || live.get(path) === (sha256 ?? "")),
  );
  return { files, additions, removals: removals.map(({ path }) => path), edited };
}

/** Where the default of each configuration file is put if a user has edited the file. */
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
