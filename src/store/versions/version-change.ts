import { constants, copyFile } from "node:fs/promises";
import { PluginError } from "../../domain/errors.ts";
import { type FilePath, type PluginId, pluginKey, volumeOf } from "../../domain/plugin.ts";
import type { InstalledFile, KeptVersion, PluginEntry } from "../../domain/plugin-entry.ts";
import { duplicateFile, syncFiles } from "../../lib/durable.ts";
import { mapInParallel } from "../../lib/in-parallel.ts";
import type { Log } from "../../lib/log.ts";
import type { Change, Move } from "../journal/change.ts";
import type { Workspace } from "../journal/workspace.ts";
import type { Layout } from "../layout.ts";
import { mountedFiles } from "../placeable.ts";
import { respelled } from "../same-file.ts";
import { contentOf, hasKeptDefault } from "./content.ts";
import { displaceFiles, restoreDisplaced, stillDisplaced } from "./displaced.ts";
import { backUpFiles, keepEditedFiles, type LiveFiles, readLiveFiles } from "./edited-files.ts";
import { type KeptSo, keepSoFiles, keepVersion, type OldVersion } from "./keep-version.ts";
import type { KeptFiles } from "./kept-files.ts";
import type { KeptLease } from "./kept-lease.ts";
import { type IncomingFile, namesBeside, planSwap, type Swap } from "./swap-plan.ts";
import { versionId, versionsAfter } from "./version-list.ts";

/** A prepared file of a version; `name` is its name in the workspace, see `Workspace.stage`. */
export interface StagedFile extends IncomingFile {
  readonly name: string;
  readonly bytes: number;
}

/** A prepared version. The store adds the earlier versions to its entry, and the defaults beside edited files. */
export interface StagedVersion {
  readonly entry: PluginEntry;
  readonly files: readonly StagedFile[];
}

/** A change after which the plugin is installed. */
export type InstallChange = Change & { readonly entry: PluginEntry };

export interface ChangeContext {
  readonly id: PluginId;
  readonly workspace: Workspace;
  readonly lease: KeptLease;
  readonly kept: KeptFiles;
  readonly layout: Layout;
  /** How many earlier versions are kept. */
  readonly keepVersions: number;
  /** Whether the version that is replaced is kept as the one that the engine may still run. */
  readonly retains: boolean;
  /** Why the version that is replaced is undone. */
  readonly undone?: string;
  readonly log: Log;
}

/**
 * The change that installs a plugin. Configuration that is already there with another content becomes `.bak`; what is
 * mounted by itself stays, and the default is put beside it as `.new`.
 */
export async function prepareInstall({ entry, files }: StagedVersion, context: ChangeContext): Promise<InstallChange> {
  const { id, layout, workspace } = context;
  await keepDefaults(files, context);
  const targets = files.map(({ target }) => target);
  const mounted = await mountedFiles(targets, layout);
  const live = await readLiveFiles(mounted, layout);
  const beside = namesBeside(files, []);
  const defaults: InstalledFile[] = [];
  const additions: Move[] = [];
  for (const { target, name, sha256, bytes } of files) {
    const path = mounted.has(target) ? beside.get(target) : target;
    if (path === undefined || (path !== target && live.get(target) === sha256)) continue;
    if (path !== target) defaults.push({ path, sha256, bytes, defaultOf: target });
    additions.push({ target: path, staged: name });
  }
  const all = [...entry.files, ...defaults];
  const paths = all.map(({ path }) => path);
  const replaced = entry.files.filter(({ path }) => volumeOf(path) === "etc" && !mounted.has(path));
  const { moves, displaced } = await displaceFiles(replaced, paths, layout, workspace);
  const reserved = [...paths, ...moves.map(({ target }) => target)];
  const kept = await keepEditedFiles(defaults, layout, workspace, reserved);
  const next = { ...entry, files: all, ...stillDisplaced(displaced, all), ...changeOf(workspace) };
  return { id, entry: next, moves: [...moves, ...kept, ...additions] };
}

/** The change that replaces the installed version by a new one. The old one is kept. */
export async function prepareUpdate(
  old: OldVersion,
  { entry, files }: StagedVersion,
  context: ChangeContext,
): Promise<InstallChange> {
  const { layout } = context;
  await keepDefaults(files, context);
  const soFiles = await keepOldSoFiles(old, new Set(), context);
  // Read last, after the slow steps: a later edit would be lost.
  const live = await readLiveFiles(configurationOf(old, files), layout);
  const stage = async ({ name }: StagedFile) => name;
  return prepareSwap({ old, soFiles, entry, incoming: files, users: [], live, stage }, context);
}

/**
 * The change that brings a kept version back.
 *
 * @param extras what to record with it, such as its verdict
 * @throws PluginError STORAGE_FAILED where a kept file is damaged or gone
 */
export async function prepareRollback(
  old: OldVersion,
  target: KeptVersion,
  extras: Partial<PluginEntry>,
  context: ChangeContext,
): Promise<InstallChange> {
  const { layout } = context;
  const { id: _, undone: __, files, ...version } = target;
  const incoming = files.flatMap((file) => (contentOf(file) === undefined ? [] : [toIncoming(file)]));
  const users = files.filter((file) => contentOf(file) === undefined).map(({ path }) => path);
  const inPlace = await sharedSoFiles(old, target, layout);
  const staged = new Map<FilePath, string>();
  const unsynced: string[] = [];
  const stageNow = async (file: IncomingFile) => {
    const { name, path } = await stageKept(file, target, context);
    unsynced.push(path);
    return name;
  };
  for (const file of incoming) {
    if (volumeOf(file.target) !== "plugins" || inPlace.has(file.target)) continue;
    staged.set(file.target, await stageNow(file));
  }
  const soFiles = await keepOldSoFiles(old, new Set(inPlace.keys()), context);
  const live = await readLiveFiles(configurationOf(old, incoming, users), layout);
  const stage = async (file: IncomingFile) => staged.get(file.target) ?? stageNow(file);
  const entry = { ...version, ...extras, files };
  const swap = { old, soFiles, entry, incoming, users, live: new Map([...live, ...inPlace]), stage };
  const change = await prepareSwap(swap, context);
  await syncFiles(unsynced);
  return change;
}

interface SwapOptions<F extends IncomingFile> extends Omit<Swap<F>, "old"> {
  readonly old: OldVersion;
  /** The .so files of the old version, already kept. */
  readonly soFiles: readonly KeptSo[];
  readonly entry: PluginEntry;
  /** Puts a file into the workspace and returns its name there. */
  readonly stage: (file: F) => Promise<string>;
}

async function prepareSwap<F extends IncomingFile>(
  { old, soFiles, stage, ...next }: SwapOptions<F>,
  { id, workspace, lease, layout, keepVersions, retains, undone, log }: ChangeContext,
): Promise<InstallChange> {
  const oldPaths = old.files.map(({ path }) => path);
  const targets = next.incoming.map(({ target }) => target);
  const spelling = await respelled(oldPaths, targets, layout);
  const oldFiles = old.files.map((file) => ({ ...file, path: spelling.get(file.path) ?? file.path }));
  const mounted = await mountedFiles([...oldPaths, ...targets], layout);
  const plan = planSwap({ ...next, old: oldFiles, mounted });
  const replaced = new Set([...plan.additions.map(({ target }) => target), ...plan.removals]);
  const present = { ...old, id, soFiles, live: next.live, replaced };
  const isKept = keepVersions > 0 || retains;
  const kept = isKept ? await keepVersion(present, lease, layout) : undefined;
  if (kept === undefined && isKept) {
    log.warn({ plugin: id, version: old.entry.version }, "a version whose .so is gone can't be kept for a rollback");
  }
  const versions = versionsAfter(
    kept && { ...kept, ...(undone && { undone }) },
    old.entry.versions ?? [],
    versionId(plan),
    keepVersions,
  );
  const backUps = await backUpFiles(plan.edited, replaced, layout, workspace);
  const additions = await mapInParallel(plan.additions, async ({ target, file }) => {
    return { target, staged: await stage(file) };
  });
  await lease.sync();
  const isLeft = (path: FilePath) => plan.removals.includes(path);
  const { displaced = [] } = old.entry;
  const restored = await restoreDisplaced(displaced, isLeft, layout, workspace);
  const entry: PluginEntry = {
    ...next.entry,
    files: plan.files,
    ...stillDisplaced(displaced, plan.files),
    ...(versions.length > 0 ? { versions } : {}),
    ...changeOf(workspace),
  };
  // Additions come first, so that the engine finds a .so at every instant.
  const removals = plan.removals
    .filter((path) => !restored.paths.has(path))
    .map((target) => ({ target, staged: null }));
  const moves = [...backUps, ...additions, ...restored.moves, ...removals, ...restored.removals];
  const replacedAt = new Date().toISOString();
  const retained = retains && kept && { replaced: { version: kept, of: versionId(old.entry), replacedAt } };
  return { id, entry, moves, ...retained };
}

function changeOf({ id }: Workspace): Pick<PluginEntry, "change" | "changedAt"> {
  return { change: id, changedAt: new Date().toISOString() };
}

async function keepOldSoFiles(
  old: OldVersion,
  staying: ReadonlySet<FilePath>,
  { lease, layout, keepVersions, retains }: ChangeContext,
): Promise<KeptSo[]> {
  return keepVersions > 0 || retains ? keepSoFiles(old, staying, lease, layout) : [];
}

/** Keeps copies of the default configuration before users can edit the installed files. */
async function keepDefaults(files: readonly StagedFile[], context: ChangeContext): Promise<void> {
  const { workspace, lease, keepVersions } = context;
  if (keepVersions === 0) return;
  await mapInParallel(files, async ({ target, name, sha256, bytes }) => {
    const file = { path: target, sha256, bytes };
    const content = contentOf(file);
    if (content === undefined || !hasKeptDefault(file)) return;
    await lease.keepDefault(content, workspace.file(content.volume, name));
  });
}

function configurationOf(
  { files }: OldVersion,
  incoming: readonly IncomingFile[],
  users: readonly FilePath[] = [],
): FilePath[] {
  const paths = [...files.map(({ path }) => path), ...incoming.map(({ target }) => target), ...users];
  return [...paths.filter((path) => volumeOf(path) === "etc"), ...namesBeside(incoming, users).values()];
}

function toIncoming({ path, sha256 = "", bytes }: InstalledFile): IncomingFile {
  return { target: path, sha256, ...(bytes === undefined ? {} : { bytes }) };
}

/** Every .so that both versions have and that is unchanged on the disk: it can stay where it is. */
async function sharedSoFiles(old: OldVersion, target: KeptVersion, layout: Layout): Promise<LiveFiles> {
  const shared = target.files.filter(
    ({ path, sha256 }) =>
      volumeOf(path) === "plugins" && old.files.some((file) => file.path === path && file.sha256 === sha256),
  );
  const live = await readLiveFiles(
    shared.map(({ path }) => path),
    layout,
  );
  return new Map(shared.flatMap(({ path, sha256 }) => (sha256 && live.get(path) === sha256 ? [[path, sha256]] : [])));
}

/** Stages a kept file, to be synced: by a hard link if it is a .so that nothing else needs, else by a copy. See `Source.isReplaced`. */
export async function stageKept(
  file: IncomingFile,
  target: KeptVersion,
  { id, kept, workspace }: Pick<ChangeContext, "id" | "kept" | "workspace">,
): Promise<{ readonly name: string; readonly path: string }> {
  const content = contentOf({ path: file.target, sha256: file.sha256 });
  if (content === undefined || !(await kept.isWhole(content))) {
    throw damagedVersion(id, target, file.target);
  }
  const { name, path } = workspace.stage(file.target);
  const own = () => target.files.flatMap((one) => contentOf(one) ?? []);
  const isFree = content.volume === "plugins" && kept.isLastOf(own(), content);
  if (isFree) await duplicateFile(kept.path(content), path);
  else await copyFile(kept.path(content), path, constants.COPYFILE_FICLONE);
  return { name, path };
}

/** The kept files of a version are not those that were installed, so a rollback to it is impossible. */
export function damagedVersion(id: PluginId, { version }: KeptVersion, path: FilePath): PluginError {
  const which = `what is kept of version ${version} of ${pluginKey(id)}`;
  return new PluginError("STORAGE_FAILED", `${which} is damaged (${path}); install that version from its zip`);
}
