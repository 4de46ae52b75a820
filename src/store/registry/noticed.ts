import { stat } from "node:fs/promises";
import { type PluginType, pluginKey } from "../../domain/plugin.ts";
import type { Log } from "../../lib/log.ts";
import type { Layout } from "../layout.ts";
import { newcomers } from "./reconcile.ts";
import type { Registry } from "./registry.ts";

interface NoticedOptions {
  readonly layout: Layout;
  readonly registry: Registry;
  /** Whether a change of that plugin could not be ended, so that its files may be those of half a change. */
  readonly isUnsettled: (key: string) => boolean;
  readonly log: Log;
}

/** A folder that was changed this recently may change again without another time: it is read once more. */
const UNSURE_MS = 2000;

/**
 * Notices what others do to the folders while the server runs: another server, or the engine itself, that installs a
 * plugin. As long as a folder's time is the same, that costs one stat, so that every reader can ask.
 */
export class Noticed {
  readonly #options: NoticedOptions;
  /** The time of each folder whose content is known. */
  readonly #seen = new Map<PluginType, bigint>();
  readonly #running = new Map<PluginType, Promise<void>>();
  /** How many changes move the files of a plugin at the moment. */
  readonly #changing = new Map<string, number>();
  /** For each scan that runs: the plugins whose files were changed meanwhile. */
  readonly #scans = new Set<Set<string>>();

  constructor(options: NoticedOptions) {
    this.#options = options;
  }

  /** Adopts what has appeared in a type's folder. Never throws: what can't be read is as it was. */
  async look(type: PluginType): Promise<void> {
    const running = this.#running.get(type) ?? this.#look(type).finally(() => this.#running.delete(type));
    this.#running.set(type, running);
    await running.catch((err) => this.#options.log.debug({ err, type }, "a plugins' folder could not be read"));
  }

  /** While this is held, the files of that plugin belong to a change. */
  hold(key: string): Disposable {
    this.#changing.set(key, (this.#changing.get(key) ?? 0) + 1);
    for (const touched of this.#scans) touched.add(key);
    return {
      [Symbol.dispose]: () => {
        const count = (this.#changing.get(key) ?? 0) - 1;
        if (count > 0) this.#changing.set(key, count);
        else this.#changing.delete(key);
      },
    };
  }

  async #look(type: PluginType): Promise<void> {
    const { layout, registry, isUnsettled, log } = this.#options;
    const { mtimeNs, mtimeMs } = await stat(layout.soFolder(type), { bigint: true });
    if (this.#seen.get(type) === mtimeNs) return;
    const touched = new Set(this.#changing.keys());
    const skips = (key: string) => touched.has(key) || isUnsettled(key);
    this.#scans.add(touched);
    try {
      const found = await newcomers(type, { registry, skips, layout, log });
      // Looked at once more: a change may have begun, and ended, since the folder was read.
      const updates = found.filter(({ id }) => !touched.has(pluginKey(id)));
      if (updates.length > 0) await registry.adopt(updates, log);
      const isSure = touched.size === 0 && Math.abs(Date.now() - Number(mtimeMs)) > UNSURE_MS;
      if (isSure) this.#seen.set(type, mtimeNs);
    } finally {
      this.#scans.delete(touched);
    }
  }
}
