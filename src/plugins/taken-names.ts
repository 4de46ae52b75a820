import { PluginError } from "../domain/errors.ts";
import { type PluginId, pluginKey } from "../domain/plugin.ts";
import type { PluginEntry } from "../domain/plugin-entry.ts";
import { quoted } from "../lib/text.ts";
import type { PluginStore } from "../store/plugin-store.ts";

/**
 * Which names a plugin can be installed under: those that are not installed, nor deleted since the server's start, since
 * the engine may still have a deleted plugin loaded. To be asked by the change that has its turn.
 */
export class TakenNames {
  readonly #store: PluginStore;
  readonly #deleted = new Set<string>();

  constructor(store: PluginStore) {
    this.#store = store;
  }

  /**
   * @returns a plugin of that name whose .so is gone: the install takes its place, as the start would let it
   * @throws PluginError NAME_TAKEN, NAME_MARKED_DELETED
   */
  async requireFree(id: PluginId): Promise<PluginEntry | undefined> {
    const { name } = id;
    if (this.#deleted.has(pluginKey(id))) {
      const reason = "the plugin is marked as deleted but Kuiper is not restarted for the change to take effect yet";
      throw new PluginError("NAME_MARKED_DELETED", `invalid name ${name}: ${reason}`);
    }
    const entry = await this.#store.lookUp(id);
    if (entry === undefined || (await this.#store.isGone(id))) return entry;
    throw new PluginError("NAME_TAKEN", `invalid name ${name}: duplicate`);
  }

  /**
   * @returns the plugin as it is on the disk
   * @throws PluginError PLUGIN_NOT_FOUND
   */
  async requireInstalled(id: PluginId, message = `invalid name ${quoted(id.name)}: not exist`): Promise<PluginEntry> {
    const entry = await this.#store.lookUp(id);
    if (entry === undefined) throw new PluginError("PLUGIN_NOT_FOUND", message);
    return entry;
  }

  /** The engine was restarted: it has none of the deleted plugins any more. */
  forgetDeleted(): void {
    this.#deleted.clear();
  }

  markDeleted(id: PluginId): void {
    this.#deleted.add(pluginKey(id));
  }
}
