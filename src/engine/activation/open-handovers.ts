import { pluginKey } from "../../domain/plugin.ts";
import type { Log } from "../../lib/log.ts";
import type { Handover } from "../../store/handover/handover.ts";
import type { ChangeQueue } from "../../store/journal/queue.ts";
import type { PluginStore } from "../../store/plugin-store.ts";

interface OpenHandoversOptions {
  readonly store: PluginStore;
  readonly queue: ChangeQueue;
  /** How long an engine that has not answered may still write. */
  readonly delaySeconds: number;
  readonly log: Log;
}

/**
 * Hand-overs of which nobody knows whether the engine is done: it did not answer, or this server was killed meanwhile. The
 * files are put back at once, and looked at again after the time that an install may take.
 */
export class OpenHandovers {
  readonly #options: OpenHandoversOptions;
  readonly #timers = new Map<Handover, NodeJS.Timeout>();
  readonly #closing = new AbortController();

  constructor(options: OpenHandoversOptions) {
    this.#options = options;
    for (const handover of options.store.openHandovers) this.#lookLater(handover);
  }

  /** Call it inside the plugin's place in the queue. Never throws: what fails is tried again later, and on startup. */
  async watch(handover: Handover, log: Log): Promise<void> {
    await handover.settle().then(
      (files) =>
        log.warn({ plugin: handover.id, files }, "the engine was left with the plugin's files: they are whole"),
      (err) => log.error({ err, plugin: handover.id }, "the plugin's files could not be put back; it is tried again"),
    );
    this.#lookLater(handover);
  }

  /** What is open then is settled by the next start. */
  close(): void {
    this.#closing.abort(new Error("the server is shutting down"));
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #lookLater(handover: Handover): void {
    if (this.#closing.signal.aborted) return;
    const timer = setTimeout(() => void this.#look(handover), this.#options.delaySeconds * 1000);
    this.#timers.set(handover, timer.unref());
  }

  async #look(handover: Handover): Promise<void> {
    const { store, queue, log } = this.#options;
    this.#timers.delete(handover);
    try {
      using _place = await queue.enter(pluginKey(handover.id), this.#closing.signal);
      if (store.get(handover.id)?.change !== handover.change) return await handover.drop();
      const files = await handover.settle();
      if (files.length === 0) await handover.finish();
      else {
        log.warn(
          { plugin: handover.id, files },
          "the engine has damaged the plugin's files since: they are whole again",
        );
        this.#lookLater(handover);
      }
    } catch (err) {
      if (this.#closing.signal.aborted) return;
      log.error(
        { err, plugin: handover.id },
        "the plugin's files could not be compared with those that were installed",
      );
      this.#lookLater(handover);
    }
  }
}
