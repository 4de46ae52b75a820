import { type FilePath, volumeOf } from "../../domain/plugin.ts";
import type { InstalledFile, PluginEntry, ReplacedVersion } from "../../domain/plugin-entry.ts";
import { syncFiles } from "../../lib/durable.ts";
import type { Change } from "../journal/change.ts";
import { contentOf } from "./content.ts";
import { displaceFiles, restoreDisplaced } from "./displaced.ts";
import { readLiveFiles } from "./edited-files.ts";
import { keepSoFiles, keepVersion } from "./keep-version.ts";
import {
  type ChangeContext,
  type InstallChange,
  prepareInstall,
  type StagedFile,
  stageKept,
} from "./version-change.ts";
import { versionId } from "./version-list.ts";

interface Removed {
  readonly entry: PluginEntry;
  /** All that go, without those that are mounted by themselves. */
  readonly files: readonly InstalledFile[];
  readonly mounted: ReadonlySet<FilePath>;
  /** The version that the engine may still run, if another one than the removed one. */
  readonly replaced: ReplacedVersion | undefined;
}

type Removal = Change & {
  /** The second names of what users wrote. */
  readonly backups: readonly FilePath[];
};

/** The change that removes a plugin. What users wrote becomes `.bak`, and what the plugin had displaced comes back. */
export async function prepareRemoval(
  { entry, files, mounted, replaced }: Removed,
  context: ChangeContext,
): Promise<Removal> {
  const { id, layout, workspace, lease, retains } = context;
  const paths = files.map(({ path }) => path);
  const soFiles = retains ? await keepSoFiles({ entry, files }, new Set(), lease, layout) : [];
  const configuration = files.filter(({ path }) => volumeOf(path) === "etc");
  const edited = await displaceFiles(configuration, paths, layout, workspace);
  const restored = await restoreDisplaced(entry.displaced ?? [], (path) => !mounted.has(path), layout, workspace);
  const gone = paths.filter((path) => !restored.paths.has(path));
  const removals = gone.map((target) => ({ target, staged: null }));
  const moves = [...edited.moves, ...restored.moves, ...removals, ...restored.removals];
  const backups = edited.moves.map(({ target }) => target);
  const change = { id, entry: null, moves, backups };
  const now = new Date().toISOString();
  const [first] = replaced ? [replaced] : await kept();
  await lease.sync();
  if (first === undefined) return change;
  const { version, of, replacedAt } = first;
  const versions = (entry.versions ?? []).filter((one) => one.id !== version.id);
  return { ...change, replaced: { version, of, replacedAt, removedAt: now, versions, edited: edited.displaced } };

  async function kept(): Promise<ReplacedVersion[]> {
    if (!retains) return [];
    const live = await readLiveFiles(
      configuration.map(({ path }) => path),
      layout,
    );
    const version = await keepVersion({ id, entry, files, soFiles, live, replaced: new Set(paths) }, lease, layout);
    return version === undefined ? [] : [{ version, of: versionId(entry), replacedAt: now }];
  }
}

/**
 * The change that brings a deleted plugin back as it was, with its earlier versions and what its user had edited.
 *
 * @throws PluginError STORAGE_FAILED where a kept file is damaged or gone
 */
export async function prepareReturn(
  { version: kept, versions = [], edited = [] }: ReplacedVersion,
  context: ChangeContext,
): Promise<InstallChange> {
  const { layout, workspace } = context;
  const { id: _, undone: __, files, ...version } = kept;
  const staged: StagedFile[] = [];
  const unsynced: string[] = [];
  for (const { path: target, sha256 = "", bytes = 0 } of files.filter((file) => contentOf(file) !== undefined)) {
    const { name, path } = await stageKept({ target, sha256 }, kept, context);
    staged.push({ target, sha256, bytes, name });
    unsynced.push(path);
  }
  const entry = { ...version, files, ...(versions.length > 0 && { versions }) };
  const change = await prepareInstall({ entry, files: staged }, context);
  const written = await restoreDisplaced(edited, () => true, layout, workspace);
  await syncFiles(unsynced);
  const others = change.moves.filter(({ target }) => !written.paths.has(target));
  return { ...change, moves: [...others, ...written.moves, ...written.removals], replaced: null };
}
