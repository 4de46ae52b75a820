import { hasCode, PluginError } from "../domain/errors.ts";
import { soPath } from "../domain/file-path.ts";
import type { Log } from "../domain/log.ts";
import { PLUGIN_TYPES, type PluginId, type PluginType, pluginKey } from "../domain/plugin.ts";
import type { InstalledFile, PluginEntry } from "../domain/plugin-entry.ts";
import { applyChange, type Change, finishChange, planChange, undoChange } from "./change.ts";
import { makeFolder } from "./durable.ts";
import type { Layout } from "./layout.ts";
import { adoptable, findSoFilesOf, reconcile } from "./reconcile.ts";
import { recover, type Unsettled } from "./recover.ts";
import { Registry } from "./registry.ts";
import { Workspace } from "./workspace.ts";

/** What is installed, and the only way to change it. */
export class PluginStore {
  readonly layout: Layout;
  readonly #registry: Registry;
  readonly #log: Log;
  /** Changes that the disk did not let us end, by plugin: what remains to be done before the next change. */
  readonly #unsettled: Unsettled;

  private constructor(layout: Layout, registry: Registry, unsettled: Unsettled, log: Log) {
    this.layout = layout;
    this.#registry = registry;
    this.#unsettled = unsettled;
    this.#log = log;
  }

  /** Settles what an earlier process left behind, then knows every plugin in the folders. */
  static async open(layout: Layout, log: Log): Promise<PluginStore> {
    // The start must not fail because the disk is full or can't be written: what is installed can still be listed.
    const orLog = (sentence: string) => (err: unknown) => log.error({ err }, sentence);
    await makeFolders(layout).catch(orLog("the folders of the plugins could not be made"));
    const registry = await Registry.open(layout.registryFile, log);
    const unsettled = await recover(registry, layout, log).catch(orLog("leftovers could not be cleared"));
    await reconcile(registry, unsettled ?? new Map(), layout, log).catch(
      orLog("the registry could not be brought up to date"),
    );
    return new PluginStore(layout, registry, unsettled ?? new Map(), log);
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
    await this.#settle(id); // what a failed install may have left is no plugin
    if (this.get(id) === undefined) {
      const entry = await adoptable(id, this.layout).catch(rethrowStorageError);
      if (entry !== undefined) await this.#registry.adopt([{ id, entry }], this.#log);
    }
    return this.get(id);
  }

  /** Every file that goes when the plugin goes: those that it installed, and any other .so of its name. */
  async filesOf(id: PluginId, entry: PluginEntry): Promise<InstalledFile[]> {
    const soFiles = await findSoFilesOf(id, this.layout).catch(rethrowStorageError);
    const known = new Set(entry.files.map(({ path }) => path));
    const others = soFiles.map(({ fileName }) => ({ path: soPath(id.type, fileName) }));
    return [...entry.files, ...others.filter(({ path }) => !known.has(path))];
  }

  /**
   * Runs `work` with a workspace of its own, which is gone afterwards.
   *
   * @throws what `work` throws; the file system's errors as PluginError STORAGE_FULL or STORAGE_FAILED
   */
  async withWorkspace<T>(id: PluginId, work: (workspace: Workspace) => Promise<T>): Promise<T> {
    await this.#settle(id);
    const workspace = await Workspace.create(this.layout).catch(rethrowStorageError);
    try {
      return await work(workspace);
    } catch (error) {
      return rethrowStorageError(error);
    } finally {
      // The workspace of an unsettled change holds what is needed to settle it.
      if (!this.#unsettled.has(pluginKey(id))) await this.#discard(workspace);
    }
  }

  /** Makes a change happen: when this resolves it is durable, when it rejects everything is as before. */
  async commit(change: Change, workspace: Workspace): Promise<void> {
    const { layout } = this;
    const journal = await planChange(change, { layout, workspace });
    try {
      await applyChange(change, journal, { layout, registry: this.#registry, workspace });
    } catch (error) {
      await this.#end(change.id, workspace, () => undoChange(journal, { layout, workspace }));
      throw error;
    }
    await this.#end(change.id, workspace, () => finishChange(journal, { layout, workspace }));
  }

  async #end(id: PluginId, workspace: Workspace, lastStep: () => Promise<void>): Promise<void> {
    try {
      await lastStep();
    } catch (err) {
      this.#log.error({ err, plugin: id, change: workspace.id }, "a change could not be ended; it is tried again");
      this.#unsettled.set(pluginKey(id), async () => {
        await lastStep();
        await this.#discard(workspace);
      });
    }
  }

  async #settle(id: PluginId): Promise<void> {
    const settle = this.#unsettled.get(pluginKey(id));
    if (settle === undefined) return;
    await settle().catch(rethrowStorageError);
    this.#unsettled.delete(pluginKey(id));
  }

  async #discard(workspace: Workspace): Promise<void> {
    try {
      await workspace.remove();
    } catch (err) {
      this.#log.warn(
        { err, change: workspace.id },
        "a change's temporary files could not be removed; the next start does",
      );
    }
  }
}

async function makeFolders(layout: Layout): Promise<void> {
  for (const type of PLUGIN_TYPES) {
    await makeFolder(layout.soFolder(type));
    await makeFolder(layout.etcFolder(type));
  }
}

/** Gives the file system's errors a sentence that says what to do; the cause, with its paths, is for the log. */
function rethrowStorageError(error: unknown): never {
  if (!hasCode(error, ...STORAGE_ERRORS)) throw error;
  const { code } = error;
  if (code === "ENOSPC" || code === "EDQUOT") {
    throw new PluginError("STORAGE_FULL", "no space left on the device; free some and try again", { cause: error });
  }
  throw new PluginError("STORAGE_FAILED", `the files could not be written (${code}); see the server's log`, {
    cause: error,
  });
}

const STORAGE_ERRORS = [
  ...["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EMFILE"],
  ...["ENFILE", "EXDEV", "ENOENT", "ENOTDIR", "EEXIST", "EISDIR", "EBUSY", "ENAMETOOLONG", "ELOOP"],
];
