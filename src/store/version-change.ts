import { PluginError } from "../domain/errors.ts";
import { type FilePath, volumeOf } from "../domain/file-path.ts";
import type { Log } from "../domain/log.ts";
import { type PluginId, pluginKey } from "../domain/plugin.ts";
import type { InstalledFile, KeptVersion, PluginEntry } from "../domain/plugin-entry.ts";
import type { Change, Move } from "./change.ts";
import { contentOf, contentsOf, hasKeptDefault } from "./content.ts";
import { copyDurably, duplicateFile } from "./durable.ts";
import { backUpFiles, keepEditedFiles } from "./edited-files.ts";
import { keepVersion } from "./keep-version.ts";
import type { KeptFiles } from "./kept-files.ts";
import type { KeptLease } from "./kept-lease.ts";
import type { Layout } from "./layout.ts";
import { type LiveFiles, readLiveFiles } from "./live-files.ts";
import { type IncomingFile, namesBeside, planSwap } from "./swap-plan.ts";
import { versionId } from "./version-id.ts";
import { versionsAfter } from "./version-list.ts";
import type { Workspace } from "./workspace.ts";

/** A prepared file of a version: `name` is what it is called in the workspace, see `Workspace.stage`. */
export interface StagedFile extends IncomingFile {
  readonly name: string;
  readonly bytes: number;
}

/** A prepared version. The store adds to its entry the earlier ones, and what lies beside files that a user edited. */
export interface StagedVersion {
  readonly entry: PluginEntry;
  readonly files: readonly StagedFile[];
}

/** The version that is installed so far. */
export interface OldVersion {
  readonly entry: PluginEntry;
  /** Its files, and any other .so of the plugin's name. */
  readonly files: readonly InstalledFile[];
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
  readonly log: Log;
}

/** The change that installs a plugin. Configuration of its name that was there, and is another, becomes `.bak`. */
export async function prepareInstall({ entry, files }: StagedVersion, context: ChangeContext): Promise<InstallChange> {
  const { id, layout, workspace } = context;
  await keepDefaults(files, context);
  const kept = await keepEditedFiles(entry.files, layout, workspace);
  const additions = files.map(({ target, name }) => ({ target, staged: name }));
  return { id, entry: { ...entry, change: workspace.id }, moves: [...kept, ...additions] };
}

/** The change that puts a version into the place of another one, which is kept. */
export async function prepareUpdate(
  old: OldVersion,
  { entry, files }: StagedVersion,
  context: ChangeContext,
): Promise<InstallChange> {
  await keepDefaults(files, context);
  const live = await readLiveFiles(configurationOf(old, files), context.layout);
  return prepareSwap(old, { entry, incoming: files, users: [], live, stage: async ({ name }) => name }, context);
}

/**
 * The change that brings a kept version back.
 *
 * @param extras what is known of it by now, such as its verdict
 * @throws PluginError STORAGE_FAILED where a kept file is damaged or gone
 */
export async function prepareRollback(
  old: OldVersion,
  target: KeptVersion,
  extras: Partial<PluginEntry>,
  context: ChangeContext,
): Promise<InstallChange> {
  const { layout } = context;
  const { id: _, files, ...version } = target;
  const incoming = files.flatMap(({ path, sha256, bytes }) =>
    sha256 === undefined ? [] : [{ target: path, sha256, ...(bytes === undefined ? {} : { bytes }) }],
  );
  const users = files.flatMap(({ path, sha256 }) => (sha256 === undefined ? [path] : []));
  // A .so that both versions have can stay where it is, if it is still what it was.
  const isShared = ({ path, sha256 }: InstalledFile) =>
    volumeOf(path) === "plugins" && old.files.some((file) => file.path === path && file.sha256 === sha256);
  const shared = files.filter(isShared).map(({ path }) => path);
  const live = await readLiveFiles([...configurationOf(old, incoming, users), ...shared], layout);
  const stage = (file: IncomingFile) => stageKept(file, old, target, context);
  return prepareSwap(old, { entry: { ...version, ...extras, files }, incoming, users, live, stage }, context);
}

interface NextVersion<F extends IncomingFile> {
  readonly entry: PluginEntry;
  readonly incoming: readonly F[];
  readonly users: readonly FilePath[];
  readonly live: LiveFiles;
  /** Gives a file its name in the workspace. */
  readonly stage: (file: F) => Promise<string>;
}

async function prepareSwap<F extends IncomingFile>(
  old: OldVersion,
  { entry: nextEntry, stage, ...next }: NextVersion<F>,
  { id, workspace, lease, layout, keepVersions, log }: ChangeContext,
): Promise<InstallChange> {
  const plan = planSwap({ old: old.files, ...next });
  const replaced = new Set([...plan.additions.map(({ target }) => target), ...plan.removals]);
  const present = { id, ...old, live: next.live, replaced };
  const kept = keepVersions > 0 ? await keepVersion(present, lease, layout) : undefined;
  if (kept === undefined && keepVersions > 0) {
    log.warn({ plugin: id, version: old.entry.version }, "a version whose .so is gone can't be kept for a rollback");
  }
  const versions = versionsAfter(kept, old.entry.versions ?? [], versionId(plan), keepVersions);
  const entry: PluginEntry = {
    ...nextEntry,
    files: plan.files,
    ...(versions.length > 0 ? { versions } : {}),
    change: workspace.id,
  };
  lease.hold(contentsOf(entry));
  const backUps = await backUpFiles(plan.edited, replaced, layout, workspace);
  const additions: Move[] = [];
  for (const { target, file } of plan.additions) additions.push({ target, staged: await stage(file) });
  await lease.sync();
  // Additions come first, so that at no instant the engine finds no .so.
  const removals = plan.removals.map((target) => ({ target, staged: null }));
  return { id, entry, moves: [...backUps, ...additions, ...removals] };
}

/** Copies, since users edit the files themselves, and before they can. */
async function keepDefaults(files: readonly StagedFile[], context: ChangeContext): Promise<void> {
  const { workspace, lease, keepVersions } = context;
  if (keepVersions === 0) return;
  for (const { target, name, sha256, bytes } of files) {
    const file = { path: target, sha256, bytes };
    const content = contentOf(file);
    if (content === undefined || !hasKeptDefault(file)) continue;
    await lease.keepDefault(content, workspace.file(content.volume, name));
  }
}

function configurationOf(
  { files }: OldVersion,
  incoming: readonly IncomingFile[],
  users: readonly FilePath[] = [],
): FilePath[] {
  const paths = [...files.map(({ path }) => path), ...incoming.map(({ target }) => target), ...users];
  return [...paths.filter((path) => volumeOf(path) === "etc"), ...namesBeside(incoming, users).values()];
}

/** A second name for a kept .so that is needed no more, which takes no time. Else a copy: see `Source.isReplaced`. */
async function stageKept(
  file: IncomingFile,
  old: OldVersion,
  { version }: KeptVersion,
  { id, kept, workspace }: ChangeContext,
): Promise<string> {
  const content = contentOf({ path: file.target, sha256: file.sha256 });
  if (content === undefined || !(await kept.isWhole(content))) {
    const which = `what is kept of version ${version} of ${pluginKey(id)}`;
    throw new PluginError("STORAGE_FAILED", `${which} is damaged (${file.target}); install that version from its zip`);
  }
  const { name, path } = workspace.stage(file.target);
  const isFree = content.volume === "plugins" && kept.isLastOf(contentsOf(old.entry), content);
  await (isFree ? duplicateFile : copyDurably)(kept.path(content), path);
  return name;
}
