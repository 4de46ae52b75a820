import { type PluginId, pluginKey } from "../../domain/plugin.ts";
import { rethrowStorageError } from "../../domain/storage-error.ts";
import type { Log } from "../../lib/log.ts";
import type { Layout } from "../layout.ts";
import type { Registry } from "../registry/registry.ts";
import { applyChange, type Change, finishChange, planChange, undoChange } from "./change.ts";
import type { Unsettled } from "./recovery.ts";
import { Workspace } from "./workspace.ts";

export interface ChangeRunnerOptions {
  readonly layout: Layout;
  readonly registry: Registry;
  /** Changes that the disk did not let us end, by plugin: what remains to be done before the next change. */
  readonly unsettled: Unsettled;
  readonly log: Log;
}

/** Carries out changes, and ends those that were cut off before anything else is done to the same plugin. */
export class ChangeRunner {
  readonly #options: ChangeRunnerOptions;

  constructor(options: ChangeRunnerOptions) {
    this.#options = options;
  }

  /**
   * Runs `work` with a workspace of its own, which is gone afterwards.
   *
   * @throws what `work` throws; the file system's errors as PluginError STORAGE_FULL or STORAGE_FAILED
   */
  async withWorkspace<T>(id: PluginId, work: (workspace: Workspace) => Promise<T>): Promise<T> {
    await this.settle(id);
    const workspace = await Workspace.create(this.#options.layout).catch(rethrowStorageError);
    try {
      return await work(workspace);
    } catch (error) {
      return rethrowStorageError(error);
    } finally {
      // The workspace of an unsettled change holds what is needed to settle it.
      if (!this.#options.unsettled.has(pluginKey(id))) await this.#discard(workspace);
    }
  }

  /** Makes a change happen: when this resolves it is durable, when it rejects everything is as before. */
  async commit(change: Change, workspace: Workspace): Promise<void> {
    const { layout, registry } = this.#options;
    const journal = await planChange(change, { layout, workspace });
    try {
      await applyChange(change, journal, { layout, registry, workspace });
    } catch (error) {
      await this.#end(change.id, workspace, () => undoChange(journal, { layout, workspace }));
      throw error;
    }
    await this.#end(change.id, workspace, () => finishChange(journal, { layout, workspace }));
  }

  /** @throws PluginError when a change of that plugin still can't be ended */
  async settle(id: PluginId): Promise<void> {
    const { unsettled } = this.#options;
    const settle = unsettled.get(pluginKey(id));
    if (settle === undefined) return;
    await settle().catch(rethrowStorageError);
    unsettled.delete(pluginKey(id));
  }

  async #end(id: PluginId, workspace: Workspace, lastStep: () => Promise<void>): Promise<void> {
    const { unsettled, log } = this.#options;
    try {
      await lastStep();
    } catch (err) {
      log.error({ err, plugin: id, change: workspace.id }, "a change could not be ended; it is tried again");
      unsettled.set(pluginKey(id), async () => {
        await lastStep();
        await this.#discard(workspace);
      });
    }
  }

  async #discard(workspace: Workspace): Promise<void> {
    try {
      await workspace.remove();
    } catch (err) {
      this.#options.log.warn(
        { err, change: workspace.id },
        "a change's temporary files could not be removed; the next start does",
      );
    }
  }
}
