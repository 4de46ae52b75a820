import { PluginError, rethrowStorageError } from "../domain/errors.ts";
import { type FilePath, PLUGIN_TYPES, type PluginId, type PluginType, pluginKey, soPath } from "../domain/plugin.ts";
import type { InstalledFile, KeptVersion, PluginEntry } from "../domain/plugin-entry.ts";
import { makeFolder } from "../lib/durable.ts";
import { statIfThere } from "../lib/files.ts";
import type { Log } from "../lib/log.ts";
import { Handover } from "./handover/handover.ts";
import { recoverHandovers } from "./handover/recover-handovers.ts";
import type { Change } from "./journal/change.ts";
import { ChangeRunner } from "./journal/change-runner.ts";
import { recover } from "./journal/recovery.ts";
import type { Workspace } from "./journal/workspace.ts";
import type { Layout } from "./layout.ts";
import { refuseMounted, requirePlaceable } from "./placeable.ts";
import { Noticed } from "./registry/noticed.ts";
import { adoptable, findSoFilesOf, reconcile } from "./registry/reconcile.ts";
import { Registry } from "./registry/registry.ts";
import { respelled } from "./same-file.ts";
import { type Content, contentOf, contentsOf } from "./versions/content.ts";
import { restoreDisplaced } from "./versions/displaced.ts";
import { keepEditedFiles } from "./versions/edited-files.ts";
import { KeptFiles } from "./versions/kept-files.ts";
import { KeptLease } from "./versions/kept-lease.ts";
import {
  type ChangeContext,
  damagedVersion,
  type InstallChange,
  prepareInstall,
  prepareRollback,
  prepareUpdate,
  type StagedVersion,
} from "./versions/version-change.ts";

interface PluginStoreOptions {
  /** How many earlier versions of a plugin are kept. */
  readonly keepVersions: number;
  /** Whether an engine is known to start on these folders: then all that it needs is made. Default: false. */
  readonly isForEngine?: boolean;
}

/** A version that takes the place of `old`, or that of none. */
interface Replacement extends StagedVersion {
  readonly old: PluginEntry | undefined;
}

/** Sets an entry that is still `from`. */
export interface EntryRefresh {
  readonly id: PluginId;
  readonly from: PluginEntry;
  readonly to: PluginEntry;
}

type StoreContext = Omit<ChangeContext, "id" | "workspace" | "lease">;

/** What is installed, and the only way to change it. */
export class PluginStore {
  readonly layout: Layout;
  readonly #registry: Registry;
  readonly #changes: ChangeRunner;
  readonly #kept: KeptFiles;
  readonly #context: StoreContext;
  readonly #noticed: Noticed;
  readonly #log: Log;
  /** Hand-overs to the engine that an earlier process did not end. Their files are whole. */
  readonly openHandovers: readonly Handover[];

  private constructor(
    registry: Registry,
    changes: ChangeRunner,
    context: StoreContext,
    openHandovers: readonly Handover[],
  ) {
    this.openHandovers = openHandovers;
    this.layout = context.layout;
    this.#registry = registry;
    this.#changes = changes;
    this.#kept = context.kept;
    this.#context = context;
    const { layout, log } = context;
    this.#noticed = new Noticed({ layout, registry, isUnsettled: (key) => changes.isUnsettled(key), log });
    this.#log = log;
  }

  /** Settles what an earlier process left behind, then knows every plugin in the folders. */
  static async open(
    layout: Layout,
    log: Log,
    { keepVersions, isForEngine = false }: PluginStoreOptions,
  ): Promise<PluginStore> {
    // The start must not fail because the disk is full or can't be written: what is installed can still be listed.
    const orLog = (message: string) => (err: unknown) => log.error({ err }, message);
    await makeFolders(layout, isForEngine).catch(orLog("the folders of the plugins could not be made"));
    const registry = await Registry.open(layout.registryFile, log);
    const recovered = await recover(registry, layout, log).catch(orLog("leftovers could not be cleared"));
    const unsettled = recovered ?? new Map();
    const handovers = await recoverHandovers(registry, unsettled, layout, log).catch(
      orLog("hand-overs to the engine could not be settled"),
    );
    await reconcile(registry, unsettled, layout, log).catch(orLog("the registry could not be brought up to date"));
    const kept = new KeptFiles({ layout, entries: () => registry.all(), isComplete: registry.isOnlyOne, log });
    await kept.sweep().catch(orLog("what is kept of earlier versions could not be cleared"));
    const changes = new ChangeRunner({ layout, registry, unsettled, log });
    return new PluginStore(registry, changes, { kept, layout, keepVersions, log }, handovers ?? []);
  }

  /**
   * Adopts plugins that others have put into the folders of these types since it was last called. Cheap where nothing
   * has changed there. Never throws.
   */
  async notice(types: readonly PluginType[] = PLUGIN_TYPES): Promise<void> {
    for (const type of types) await this.#noticed.look(type);
  }

  /** Whether the .so of an installed plugin is gone, and so the plugin. Call it when no change of it is running. */
  async isGone(id: PluginId): Promise<boolean> {
    return (await findSoFilesOf(id, this.layout).catch(rethrowStorageError)).length === 0;
  }

  /** Names in alphabetical order: the same array until a plugin of that type changes. */
  names(type: PluginType): readonly string[] {
    return this.#registry.names(type);
  }

  count(): number {
    return PLUGIN_TYPES.reduce((sum, type) => sum + this.names(type).length, 0);
  }

  get(id: PluginId): PluginEntry | undefined {
    return this.#registry.get(id);
  }

  /**
   * The plugin as it is on the disk now: one whose .so was copied in since the start is adopted.
   * Call it when no change to that plugin is running.
   */
  async lookUp(id: PluginId): Promise<PluginEntry | undefined> {
    await this.#changes.settle(id); // what a failed install may have left is no plugin
    if (this.get(id) === undefined) {
      const entry = await adoptable(id, this.layout).catch(rethrowStorageError);
      if (entry !== undefined) await this.#registry.adopt([{ id, entry }], this.#log);
    }
    return this.get(id);
  }

  entries(type: PluginType): ReadonlyMap<string, PluginEntry> {
    return this.#registry.entries(type);
  }

  /**
   * Puts a prepared version into place: as a new plugin, or instead of the one that is installed, which is kept.
   *
   * @returns the entry as it is recorded
   * @throws PluginError or the file system's error; everything is as before then
   */
  async replace(id: PluginId, { old, ...next }: Replacement, workspace: Workspace): Promise<PluginEntry> {
    const oldVersion = old && { entry: old, files: await this.filesOf(id, old) };
    return this.#putIntoPlace(id, workspace, (context) =>
      oldVersion === undefined ? prepareInstall(next, context) : prepareUpdate(oldVersion, next, context),
    );
  }

  /**
   * Puts an earlier version into place, which needs nothing but what is kept. The installed one is kept.
   *
   * @param extras what is known of it by now, such as its verdict
   * @returns the entry as it is recorded
   * @throws PluginError or the file system's error; everything is as before then
   */
  async restore(
    id: PluginId,
    old: PluginEntry,
    target: KeptVersion,
    extras: Partial<PluginEntry>,
    workspace: Workspace,
  ): Promise<PluginEntry> {
    const oldVersion = { entry: old, files: await this.filesOf(id, old) };
    const paths = [...oldVersion.files, ...target.files].map(({ path }) => path);
    await refuseMounted(paths, this.layout);
    return this.#putIntoPlace(id, workspace, (context) => prepareRollback(oldVersion, target, extras, context));
  }

  /**
   * Refuses files that could not be put into place, while nothing has run yet.
   *
   * @throws PluginError STORAGE_FAILED
   */
  async requirePlaceable(id: PluginId, targets: readonly FilePath[], old: PluginEntry | undefined): Promise<void> {
    const present = old === undefined ? [] : await this.filesOf(id, old);
    const paths = present.map(({ path }) => path);
    await requirePlaceable(id, targets, paths, this.layout).catch(rethrowStorageError);
  }

  /**
   * Removes a plugin with all its files and all that is kept of it. What users wrote becomes `.bak`; configuration that
   * is mounted by itself stays, and what the plugin had displaced comes back.
   *
   * @returns the `.bak` files
   */
  async remove(id: PluginId, entry: PluginEntry, workspace: Workspace): Promise<FilePath[]> {
    const all = await this.filesOf(id, entry);
    const paths = all.map(({ path }) => path);
    const mounted = await refuseMounted(paths, this.layout);
    const files = all.filter(({ path }) => !mounted.has(path));
    const kept = await keepEditedFiles(files, this.layout, workspace);
    const leaves = (path: FilePath) => !mounted.has(path);
    const restored = await restoreDisplaced(entry.displaced ?? [], leaves, this.layout, workspace);
    const gone = files.filter(({ path }) => !restored.paths.has(path));
    const removals = gone.map(({ path }) => ({ target: path, staged: null }));
    const moves = [...kept, ...restored.moves, ...removals, ...restored.removals];
    await this.#commit({ id, entry: null, moves }, workspace);
    return kept.map(({ target }) => target);
  }

  /**
   * Where the .so of an earlier version is kept.
   *
   * @throws PluginError VERSION_NOT_FOUND, or STORAGE_FAILED where it is gone or has another size
   */
  async keptSoFile(id: PluginId, version: KeptVersion): Promise<string> {
    const path = soPath(id.type, version.soFile);
    const so = version.files.find((file) => file.path === path);
    const content = so && contentOf(so);
    if (content === undefined) {
      throw new PluginError("VERSION_NOT_FOUND", `the ${version.soFile} of that version is not kept`);
    }
    const file = this.#kept.path(content);
    const stat = await statIfThere(file).catch(rethrowStorageError);
    // Its sha256 is checked when it is used; hashing a large one twice would take too long.
    if (!stat?.isFile() || stat.size !== BigInt(so?.bytes ?? stat.size)) throw damagedVersion(id, version, path);
    return file;
  }

  /** Records what is known of a plugin. Its files and versions stay as they are. */
  async updateEntry(id: PluginId, entry: PluginEntry): Promise<void> {
    await this.#registry.update({ id, entry }).catch(rethrowStorageError);
  }

  /** The same for what was found out aside from any change: of entries that are still the same. Never throws. */
  async refreshEntries(refreshes: readonly EntryRefresh[]): Promise<void> {
    if (refreshes.length === 0) return;
    const updates = refreshes.map(({ id, from, to }) => ({ id, entry: to, from }));
    await this.#registry
      .update(...updates)
      .catch((err) => this.#log.warn({ err }, "what was found out about plugins could not be recorded"));
  }

  /**
   * Secures files of an installed plugin before the engine's own installer writes them. See `Handover.begin`.
   *
   * @throws PluginError STORAGE_FULL or STORAGE_FAILED
   */
  async handOver(id: PluginId, entry: PluginEntry, paths: readonly FilePath[]): Promise<Handover> {
    return Handover.begin(id, entry, paths, this.layout).catch(rethrowStorageError);
  }

  /** Every file that goes when the plugin goes: those that it installed, and any other .so of its name. */
  async filesOf(id: PluginId, entry: PluginEntry): Promise<InstalledFile[]> {
    const soFiles = await findSoFilesOf(id, this.layout).catch(rethrowStorageError);
    const found = soFiles.map(({ fileName }) => soPath(id.type, fileName));
    const recorded = entry.files.map(({ path }) => path);
    const known = await respelled(found, recorded, this.layout).catch(rethrowStorageError);
    return [...entry.files, ...found.filter((path) => !known.has(path)).map((path) => ({ path }))];
  }

  /**
   * The workspace for a change to that plugin, to be disposed when it has ended.
   *
   * @throws PluginError STORAGE_FULL or STORAGE_FAILED
   */
  workspace(id: PluginId): Promise<Workspace> {
    return this.#changes.workspace(id);
  }

  /** A workspace for work that changes no plugin, to be disposed. @throws PluginError STORAGE_FULL or STORAGE_FAILED */
  temporaryWorkspace(): Promise<Workspace> {
    return this.#changes.temporary();
  }

  async #putIntoPlace(
    id: PluginId,
    workspace: Workspace,
    prepare: (context: ChangeContext) => Promise<InstallChange>,
  ): Promise<PluginEntry> {
    await using lease = new KeptLease(this.#kept);
    const change = await prepare({ ...this.#context, id, workspace, lease });
    await this.#commit(change, workspace);
    return change.entry;
  }

  /** The change, and what is kept for the entry that comes and for the one that goes. */
  async #commit(change: Change, workspace: Workspace): Promise<void> {
    using _held = this.#noticed.hold(pluginKey(change.id));
    const old = this.get(change.id);
    this.#kept.hold(referencesOf(change.entry));
    try {
      await this.#changes.commit(change, workspace);
    } catch (error) {
      await this.#kept.release(referencesOf(change.entry));
      throw error;
    }
    await this.#kept.release(referencesOf(old));
  }
}

function referencesOf(entry: PluginEntry | null | undefined): Content[] {
  return entry ? contentsOf(entry) : [];
}

async function makeFolders(layout: Layout, isForEngine: boolean): Promise<void> {
  for (const type of PLUGIN_TYPES) {
    await makeFolder(layout.soFolder(type));
    await makeFolder(layout.etcFolder(type));
  }
  if (isForEngine) await makeFolder(layout.portableFolder);
}
