import type { PluginId } from "../domain/plugin.ts";
import type { Progress, Stage } from "../domain/progress.ts";
import type { Log } from "../lib/log.ts";

/** Says how long each stage of a change took, as it ends and in sum, and tells who watches what goes on. */
export class StageClock {
  /** Milliseconds by stage, in the order in which they ended. */
  readonly durations: Partial<Record<Stage, number>> = {};
  readonly #plugin: PluginId;
  readonly #log: Log;
  readonly #progress: Progress;

  constructor(plugin: PluginId, log: Log, progress: Progress) {
    this.#plugin = plugin;
    this.#log = log;
    this.#progress = progress;
  }

  /** Runs a stage. One that is run again adds to its time. */
  async time<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    this.#progress.stage(stage);
    const start = performance.now();
    const result = await work();
    const milliseconds = Math.round(performance.now() - start);
    this.durations[stage] = (this.durations[stage] ?? 0) + milliseconds;
    this.#log.info({ plugin: this.#plugin, stage, ms: milliseconds }, "stage done");
    return result;
  }

  /** What the stage that runs has done so far. */
  bytes(done: number, total?: number): void {
    this.#progress.bytes(done, total);
  }
}
