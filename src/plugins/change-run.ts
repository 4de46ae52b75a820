import { type Progress, type Stage, UNWATCHED } from "../domain/change.ts";
import type { Verdict } from "../domain/compatibility.ts";
import type { PackageId } from "../domain/plugin.ts";
import type { Verified } from "../domain/plugin-entry.ts";
import type { Log } from "../lib/log.ts";

/** What is known of the version that a change is about: all of it when it is done, less when it failed early. */
export interface ChangeFacts {
  readonly version?: string;
  readonly origin?: string | undefined;
  readonly sha256?: string | undefined;
  /** What was proven of the zip: that it has the requested sha256, and who signed it. */
  readonly verified?: Verified | undefined;
  /** Files with other bytes than in the zip, since install.sh changed them. */
  readonly changedByScript?: readonly string[];
  /** Whether the engine will load it. */
  readonly verdict?: Verdict | undefined;
}

/** A stage that failed: its error is the cause. */
export class StageFailure extends Error {
  override readonly name = "StageFailure";
  readonly stage: Stage;
  /** What the stages before it had found out. */
  readonly facts: ChangeFacts;
  /** Whether it failed because the change was told to stop: the cause is the signal's reason then. */
  readonly isStopped: boolean;

  constructor(stage: Stage, options: { facts: ChangeFacts; isStopped: boolean; cause: unknown }) {
    super(`${stage} failed`, { cause: options.cause });
    this.stage = stage;
    this.facts = options.facts;
    this.isStopped = options.isStopped;
  }
}

/**
 * Told, when a change has ended, of each stage that it went through, also of one that failed: once, however often.
 *
 * @param bytes what it had come to; 0 for a stage that has none
 */
export type StageObserver = (stage: Stage, seconds: number, bytes: number) => void;

interface ChangeRunOptions {
  /** Undefined while it is not known which plugin it is. */
  readonly plugin: PackageId | undefined;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly progress?: Progress | undefined;
  readonly onStage?: StageObserver | undefined;
}

/**
 * One change, or inspection, in progress: times its stages and reports them to the log and to whoever follows it. Dispose it
 * when the change has ended: `onStage` is told then.
 */
export class ChangeRun implements Disposable {
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Milliseconds by stage, in the order in which they ended. */
  readonly durations: Partial<Record<Stage, number>> = {};
  readonly #plugin: PackageId | undefined;
  readonly #progress: Progress;
  readonly #onStage: StageObserver;
  /** Also of those that failed. */
  readonly #spent = new Map<Stage, { readonly seconds: number; readonly bytes: number }>();
  /** Of the present stage. */
  #bytes = 0;

  constructor({ plugin, signal, log, progress = UNWATCHED, onStage = () => {} }: ChangeRunOptions) {
    this.signal = signal;
    this.log = log;
    this.#plugin = plugin;
    this.#progress = progress;
    this.#onStage = onStage;
  }

  /**
   * Runs a stage. One that is run again adds to its time.
   *
   * @param facts what is known so far, for the audit should the stage fail
   * @throws StageFailure
   */
  async stage<T>(stage: Stage, facts: ChangeFacts, work: () => Promise<T>): Promise<T> {
    this.#progress.stage(stage);
    try {
      this.signal.throwIfAborted();
      return await this.#timed(stage, work);
    } catch (cause) {
      throw new StageFailure(stage, { facts, isStopped: this.signal.aborted && cause === this.signal.reason, cause });
    }
  }

  /**
   * Runs what follows a change that has happened: it is not stopped half-way, and must not fail.
   *
   * @throws what `work` throws
   */
  async afterwards<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    this.#progress.stage(stage);
    return this.#timed(stage, work);
  }

  /** Reports how much of the present stage is done, in bytes. */
  bytes(done: number, total?: number): void {
    this.#bytes = done;
    this.#progress.bytes(done, total);
  }

  /** Reports what install.sh prints. */
  output(chunk: Uint8Array): void {
    this.#progress.output(chunk);
  }

  async #timed<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    this.#bytes = 0;
    try {
      const result = await work();
      const ms = Math.round(performance.now() - start);
      this.durations[stage] = (this.durations[stage] ?? 0) + ms;
      this.log.info({ plugin: this.#plugin, stage, ms }, "stage done");
      return result;
    } finally {
      const { seconds, bytes } = this.#spent.get(stage) ?? { seconds: 0, bytes: 0 };
      const now = seconds + (performance.now() - start) / 1000;
      this.#spent.set(stage, { seconds: now, bytes: bytes + this.#bytes });
    }
  }

  [Symbol.dispose](): void {
    for (const [stage, { seconds, bytes }] of this.#spent) this.#onStage(stage, seconds, bytes);
    this.#spent.clear();
  }
}
