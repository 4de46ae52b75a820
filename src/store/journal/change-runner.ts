import { rethrowStorageError } from "../../domain/errors.ts";
import { type PluginId, pluginKey } from "../../domain/plugin.ts";
import type { Log } from "../../lib/log.ts";
import type { Layout } from "../layout.ts";
import type { Registry } from "../registry/registry.ts";
import { applyChange, type Change, finishChange, planChange, undoChange } from "./change.ts";
import type { Unsettled } from "./recovery.ts";
import { Workspace } from "./workspace.ts";

interface ChangeRunnerOptions {
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
   * The workspace for a change to that plugin, to be disposed when it has ended. A change that could not be ended is
   * ended first.
   *
   * @param change its id, a UUID; a new one by default
   * @throws PluginError STORAGE_FULL or STORAGE_FAILED
   */
  async workspace(id: PluginId, change?: string): Promise<Workspace> {
    await this.settle(id);
    return this.temporary(change);
  }

  /** A workspace for work that changes nothing. @throws PluginError STORAGE_FULL or STORAGE_FAILED */
  async temporary(change?: string): Promise<Workspace> {
    const onLeftover = (err: unknown, workspace: Workspace) => this.#reportLeftover(err, workspace);
    return Workspace.create(this.#options.layout, onLeftover, change).catch(rethrowStorageError);
  }

  /** Makes a change happen: when this resolves it is durable, when it rejects everything is as before. */
  async commit(change: Change, workspace: Workspace): Promise<void> {
    const { layout, registry } = this.#options;
    const before = registry.get(change.id)?.change ?? null;
    const journal = { ...(await planChange(change, { layout, workspace })), before };
    try {
      await applyChange(change, journal, { layout, registry, workspace });
    } catch (error) {
      await this.#end(change.id, workspace, () => undoChange(journal, { layout, workspace }));
      throw error;
    }
    await this.#end(change.id, workspace, () => finishChange(journal, { layout, workspace }));
  }

  /** Whether a change of that plugin, by its key, still has to be ended. */
  isUnsettled(key: string): boolean {
    return this.#options.unsettled.has(key);
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
      workspace.keep();
      unsettled.set(pluginKey(id), async () => {
        await lastStep();
        await workspace.remove().catch((error) => this.#reportLeftover(error, workspace));
      });
    }
  }

  #reportLeftover(err: unknown, workspace: Workspace): void {
    const message = "a change's temporary files could not be removed; the next start does";
    this.#options.log.warn({ err, change: workspace.id }, message);
  }
}
