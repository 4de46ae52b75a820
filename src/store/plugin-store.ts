import { PluginError, rethrowStorageError } from "../domain/errors.ts";
import {
  type FilePath,
  PLUGIN_TYPES,
  type PluginId,
  type PluginType,
  parsePluginKey,
  pluginKey,
  soPath,
} from "../domain/plugin.ts";
import type { InstalledFile, KeptVersion, PluginEntry, ReplacedVersion } from "../domain/plugin-entry.ts";
import { makeFolder } from "../lib/durable.ts";
import { statIfThere } from "../lib/files.ts";
import type { Log } from "../lib/log.ts";
import { Handover } from "./handover/handover.ts";
import { recoverHandovers } from "./handover/recover-handovers.ts";
import type { Change } from "./journal/change.ts";
import { ChangeRunner } from "./journal/change-runner.ts";
import { type Recovered, recover } from "./journal/recovery.ts";
import type { Workspace } from "./journal/workspace.ts";
import type { Layout } from "./layout.ts";
import { refuseMounted, requirePlaceable } from "./placeable.ts";
import { Noticed } from "./registry/noticed.ts";
import { adoptable, findSoFilesOf, reconcile } from "./registry/reconcile.ts";
import { Registry } from "./registry/registry.ts";
import { keptVersionsOf } from "./registry/replaced-versions.ts";
import { respelled } from "./same-file.ts";
import { type Content, contentOf, contentsOf, logContentOf } from "./versions/content.ts";
import { keepLog, readLog } from "./versions/install-log.ts";
import { KeptFiles } from "./versions/kept-files.ts";
import { KeptLease } from "./versions/kept-lease.ts";
import { prepareRemoval, prepareReturn } from "./versions/removal.ts";
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
  /** Whether the version that an engine may still run is kept until `forgetReplaced`. Default: false. */
  readonly keepReplaced?: boolean;
}

/** A version that takes the place of `old`, or that of none. */
interface Replacement extends StagedVersion {
  readonly old: PluginEntry | undefined;
  /** What its install.sh printed; empty for nothing. */
  readonly printed?: string;
}

/** Sets an entry that is still `from`. */
export interface EntryRefresh {
  readonly id: PluginId;
  readonly from: PluginEntry;
  readonly to: PluginEntry;
}

type StoreContext = Omit<ChangeContext, "id" | "workspace" | "lease" | "retains">;

/** What is installed, and the only way to change it. */
export class PluginStore {
  readonly layout: Layout;
  readonly #registry: Registry;
  readonly #changes: ChangeRunner;
  readonly #kept: KeptFiles;
  readonly #context: StoreContext;
  readonly #noticed: Noticed;
  readonly #retains: boolean;
  readonly #released = new WeakSet<ReplacedVersion>();
  readonly #log: Log;
  /** Hand-overs to the engine that an earlier process did not end. Their files are whole. */
  readonly openHandovers: readonly Handover[];
  /** What became of the changes that an earlier process did not end, by their ids. */
  readonly recovered: ReadonlyMap<string, "finished" | "undone">;

  private constructor(
    registry: Registry,
    changes: ChangeRunner,
    context: StoreContext,
    left: { readonly openHandovers: readonly Handover[]; readonly recovered: Recovered },
    retains: boolean,
  ) {
    this.openHandovers = left.openHandovers;
    this.recovered = left.recovered;
    this.layout = context.layout;
    this.#registry = registry;
    this.#changes = changes;
    this.#kept = context.kept;
    this.#context = context;
    this.#retains = retains;
    const { layout, log } = context;
    this.#noticed = new Noticed({ layout, registry, isUnsettled: (key) => changes.isUnsettled(key), log });
    this.#log = log;
  }

  /** Settles what an earlier process left behind, then knows every plugin in the folders. */
  static async open(layout: Layout, log: Log, options: PluginStoreOptions): Promise<PluginStore> {
    const { isForEngine = false } = options;
    // The start must not fail because the disk is full or can't be written: what is installed can still be listed.
    const orLog = (message: string) => (err: unknown) => log.error({ err }, message);
    await makeFolders(layout, isForEngine).catch(orLog("the folders of the plugins could not be made"));
    const registry = await Registry.open(layout.registryFile, log);
    const recovered: Recovered = new Map();
    const open = await recover(registry, layout, log, recovered).catch(orLog("leftovers could not be cleared"));
    const unsettled = open ?? new Map();
    const handovers = await recoverHandovers(registry, unsettled, layout, log).catch(
      orLog("hand-overs to the engine could not be settled"),
    );
    await reconcile(registry, unsettled, layout, log).catch(orLog("the registry could not be brought up to date"));
    const { keepVersions, keepReplaced = false } = options;
    if (!keepReplaced) await forgetAllReplaced(registry).catch(orLog("the registry could not be written"));
    const kept = new KeptFiles({ layout, entries: () => keepers(registry), isComplete: registry.isOnlyOne, log });
    await kept.sweep().catch(orLog("what is kept of earlier versions could not be cleared"));
    const changes = new ChangeRunner({ layout, registry, unsettled, log });
    const left = { openHandovers: handovers ?? [], recovered };
    return new PluginStore(registry, changes, { kept, layout, keepVersions, log }, left, keepReplaced);
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
  async replace(
    id: PluginId,
    { old, entry, files, printed = "" }: Replacement,
    workspace: Workspace,
  ): Promise<PluginEntry> {
    const oldVersion = old && { entry: old, files: await this.filesOf(id, old) };
    return this.#putIntoPlace(id, workspace, async (context) => {
      const next = { entry: { ...entry, ...(await keepLog(printed, context)) }, files };
      return oldVersion === undefined ? prepareInstall(next, context) : prepareUpdate(oldVersion, next, context);
    });
  }

  /** What the install.sh of the installed version printed. Undefined where it has none, or it is gone. */
  async installLog(id: PluginId): Promise<string | undefined> {
    const content = logContentOf(this.get(id) ?? {});
    return content && readLog(this.#kept.path(content));
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
  async remove(id: PluginId, entry: PluginEntry, workspace: Workspace): Promise<readonly FilePath[]> {
    const change = await this.#remove(id, entry, workspace, { retains: this.#retains });
    return change.backups;
  }

  /** The version that the engine may still run, in whose place there is another one or none. */
  replacedOf(id: PluginId): ReplacedVersion | undefined {
    return this.#registry.replaced.get(pluginKey(id));
  }

  /** The same of all plugins, by their keys. */
  get replaced(): ReadonlyMap<string, ReplacedVersion> {
    return this.#registry.replaced;
  }

  /** Drops the replaced versions of these plugins: the engine does not run them any more. @throws PluginError of the storage */
  async forgetReplaced(ids: readonly PluginId[]): Promise<void> {
    const updates = ids.flatMap((id) => {
      const fromReplaced = this.replacedOf(id);
      return fromReplaced === undefined ? [] : [{ id, replaced: null, fromReplaced }];
    });
    if (updates.length === 0) return;
    await this.#registry.update(...updates).catch(rethrowStorageError);
    for (const { fromReplaced } of updates) await this.#kept.release(this.#lastReferencesOf(fromReplaced));
  }

  /** Undoes an install: as `remove`, and nothing is kept. @throws as `remove` */
  async undoInstall(id: PluginId, entry: PluginEntry, workspace: Workspace): Promise<void> {
    await this.#remove(id, entry, workspace, { retains: false });
  }

  /**
   * Undoes an update: puts the version that was replaced into place again. The undone one is kept with the reason.
   *
   * @throws as `restore`
   */
  async undoUpdate(
    id: PluginId,
    old: PluginEntry,
    target: KeptVersion,
    undone: string,
    workspace: Workspace,
  ): Promise<PluginEntry> {
    const oldVersion = { entry: old, files: await this.filesOf(id, old) };
    return this.#putIntoPlace(id, workspace, async (context) => {
      const change = await prepareRollback(oldVersion, target, {}, { ...context, undone, retains: false });
      return { ...change, replaced: null };
    });
  }

  /** Undoes a delete: brings the plugin back as it was. @throws PluginError or the file system's error */
  async undoDelete(id: PluginId, replaced: ReplacedVersion, workspace: Workspace): Promise<PluginEntry> {
    return this.#putIntoPlace(id, workspace, (context) => prepareReturn(replaced, context));
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
   * @param change its id, a UUID, by which `recovered` knows it; a new one by default
   * @throws PluginError STORAGE_FULL or STORAGE_FAILED
   */
  workspace(id: PluginId, change?: string): Promise<Workspace> {
    return this.#changes.workspace(id, change);
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
    const retains = this.#retains && this.replacedOf(id) === undefined;
    const change = await prepare({ ...this.#context, id, workspace, lease, retains });
    await this.#commit(change, workspace);
    return change.entry;
  }

  async #remove(id: PluginId, entry: PluginEntry, workspace: Workspace, { retains }: { readonly retains: boolean }) {
    const all = await this.filesOf(id, entry);
    const paths = all.map(({ path }) => path);
    const mounted = await refuseMounted(paths, this.layout);
    const files = all.filter(({ path }) => !mounted.has(path));
    await using lease = new KeptLease(this.#kept);
    const replaced = retains ? this.replacedOf(id) : undefined;
    lease.hold(referencesOfReplaced(replaced)); // it may be forgotten meanwhile, and the change refers to its files
    const context = { ...this.#context, id, workspace, lease, retains: retains && replaced === undefined };
    const change = await prepareRemoval({ entry, files, mounted, replaced }, context);
    await this.#commit(retains ? change : { ...change, replaced: null }, workspace);
    return change;
  }

  /** The change, and what is kept for the entry that comes and for the one that goes. */
  async #commit(change: Change, workspace: Workspace): Promise<void> {
    using _held = this.#noticed.hold(pluginKey(change.id));
    const old = this.get(change.id);
    const replaced = change.replaced === undefined ? undefined : this.replacedOf(change.id);
    const references = [...referencesOf(change.entry), ...referencesOfReplaced(change.replaced)];
    this.#kept.hold(references);
    try {
      await this.#changes.commit(change, workspace);
    } catch (error) {
      await this.#kept.release(references);
      throw error;
    }
    await this.#kept.release([...referencesOf(old), ...this.#lastReferencesOf(replaced)]);
  }

  /** Of a replaced version that the registry no longer has. None the second time: a change and `forgetReplaced` can meet. */
  #lastReferencesOf(replaced: ReplacedVersion | null | undefined): Content[] {
    if (!replaced || this.#released.has(replaced)) return [];
    this.#released.add(replaced);
    return referencesOfReplaced(replaced);
  }
}

function referencesOf(entry: PluginEntry | null | undefined): Content[] {
  return entry ? contentsOf(entry) : [];
}

function referencesOfReplaced(replaced: ReplacedVersion | null | undefined): Content[] {
  return replaced ? contentsOf({ files: [], versions: keptVersionsOf(replaced) }) : [];
}

/** Everything that refers to kept files. */
function* keepers(registry: Registry): Iterable<Pick<PluginEntry, "files" | "versions" | "installLog">> {
  yield* registry.all();
  for (const replaced of registry.replaced.values()) yield { files: [], versions: keptVersionsOf(replaced) };
}

/** Without an engine behind this server nobody asks for them. */
async function forgetAllReplaced(registry: Registry): Promise<void> {
  const ids = [...registry.replaced.keys()].flatMap((key) => parsePluginKey(key) ?? []);
  if (ids.length > 0) await registry.update(...ids.map((id) => ({ id, replaced: null })));
}

async function makeFolders(layout: Layout, isForEngine: boolean): Promise<void> {
  for (const type of PLUGIN_TYPES) {
    await makeFolder(layout.soFolder(type));
    await makeFolder(layout.etcFolder(type));
  }
  if (isForEngine) await makeFolder(layout.portableFolder);
}
