import type { Log } from "../domain/log.ts";
import type { PluginId } from "../domain/plugin.ts";

/** Says how long each stage of an install took, as it ends and in sum. */
export class StageClock {
  /** Milliseconds by stage, in the order in which they ended. */
  readonly durations: Record<string, number> = {};
  readonly #plugin: PluginId;
  readonly #log: Log;

  constructor(plugin: PluginId, log: Log) {
    this.#plugin = plugin;
    this.#log = log;
  }

  async time<T>(stage: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    const milliseconds = Math.round(performance.now() - start);
    this.durations[stage] = milliseconds;
    this.#log.info({ plugin: this.#plugin, stage, ms: milliseconds }, "stage done");
    return result;
  }
}
