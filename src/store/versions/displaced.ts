import type { FilePath } from "../../domain/plugin.ts";
import type { DisplacedFile, InstalledFile } from "../../domain/plugin-entry.ts";
import { duplicateFile } from "../../lib/durable.ts";
import type { Move } from "../journal/change.ts";
import type { Workspace } from "../journal/workspace.ts";
import type { Layout } from "../layout.ts";
import { backUpFiles, type ReplacedFile, readLiveFiles } from "./edited-files.ts";

interface Displacement {
  /** The moves that give the files their second names. */
  readonly moves: readonly Move[];
  readonly displaced: readonly DisplacedFile[];
}

/**
 * Backs up what is there under the names of a new plugin's configuration, the engine's own `httppull.yaml` for example,
 * and says what to put back when the plugin goes. Without content of its own, a link is only backed up.
 *
 * @param replaced configuration that the install puts into place
 * @param reserved every path that the install needs
 */
export async function displaceFiles(
  replaced: readonly ReplacedFile[],
  reserved: Iterable<FilePath>,
  layout: Layout,
  workspace: Workspace,
): Promise<Displacement> {
  const paths = replaced.map(({ path }) => path);
  const live = await readLiveFiles(paths, layout);
  const found = replaced.filter(({ path, sha256 }) => live.has(path) && live.get(path) !== sha256);
  const foundPaths = found.map(({ path }) => path);
  const moves = await backUpFiles(foundPaths, reserved, layout, workspace);
  const displaced = moves.flatMap(({ target: backup }, index): DisplacedFile[] => {
    const path = foundPaths[index];
    const sha256 = path && live.get(path);
    return path && sha256 ? [{ path, backup, sha256 }] : [];
  });
  return { moves, displaced };
}

interface Restored {
  /** Each puts a displaced file into its old place, where the change removes the plugin's. */
  readonly moves: readonly Move[];
  /** Second names that are no longer needed. */
  readonly removals: readonly Move[];
  /** The paths that `moves` fill: these must not be removed by the same change. */
  readonly paths: ReadonlySet<FilePath>;
}

/**
 * What brings displaced files back into places that a change leaves. A backup that was edited or removed meanwhile is
 * its user's, and stays as it is.
 *
 * @param leaves whether the change leaves that path without a file
 */
export async function restoreDisplaced(
  displaced: readonly DisplacedFile[],
  leaves: (path: FilePath) => boolean,
  layout: Layout,
  workspace: Workspace,
): Promise<Restored> {
  const wanted = displaced.filter(({ path }) => leaves(path));
  const backups = wanted.map(({ backup }) => backup);
  const live = await readLiveFiles(backups, layout);
  const moves: Move[] = [];
  const removals: Move[] = [];
  for (const { path, backup, sha256 } of wanted) {
    if (live.get(backup) !== sha256) continue;
    const { name, path: staged } = workspace.stage(path);
    await duplicateFile(layout.absolute(backup), staged);
    moves.push({ target: path, staged: name });
    removals.push({ target: backup, staged: null });
  }
  return { moves, removals, paths: new Set(moves.map(({ target }) => target)) };
}

/** Those that are still to come back after a change to these files. */
export function stillDisplaced(
  displaced: readonly DisplacedFile[],
  files: readonly InstalledFile[],
): { readonly displaced?: readonly DisplacedFile[] } {
  const left = displaced.filter(({ path }) => files.some((file) => file.path === path));
  return left.length === 0 ? {} : { displaced: left };
}
