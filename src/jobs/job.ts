import { randomUUID } from "node:crypto";
import { ERROR_STATUS, PluginError } from "../domain/errors.ts";
import type { Progress, Stage } from "../domain/progress.ts";
import { isFailure, type JobResult, type JobState, type JobSubject, type JobView } from "./job-view.ts";
import { ProgressMeter } from "./progress-meter.ts";

/** What the work of a job has from it. */
export interface JobRun {
  /** Fires when the job is cancelled. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Says what has come of the change, also when it failed. */
export type JobWork = (run: JobRun) => Promise<JobResult>;

/** A change that goes on whether or not somebody waits for it. It begins at once, and fails only with its result. */
export class Job {
  /** Can't be guessed: who may cancel a job was told of it, or may list them all. */
  readonly id: string = randomUUID();
  readonly subject: JobSubject;
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<void>;
  readonly #meter = new ProgressMeter(() => this.#stepped());
  readonly #abort = new AbortController();
  readonly #watchers = new Set<() => void>();
  readonly #createdAt = new Date();
  #startedAt: Date | undefined;
  /** How it ended. What its work reports after that changes nothing. */
  #end: JobView | undefined;
  #revision = 0;

  constructor(subject: JobSubject, work: JobWork) {
    this.subject = subject;
    this.ended = this.#run(work);
  }

  /** Another number after each change of what is shown of it. */
  get revision(): number {
    return this.#revision;
  }

  get stage(): Stage {
    return this.#end?.stage ?? this.#meter.current;
  }

  /** Undefined until it has ended. */
  get result(): JobResult | undefined {
    return this.#end?.result;
  }

  get state(): JobState {
    return this.#end?.state ?? (this.#startedAt === undefined ? "waiting" : "running");
  }

  view(): JobView {
    if (this.#end !== undefined) return this.#end;
    const { id, subject, state } = this;
    const createdAt = this.#createdAt.toISOString();
    const started = this.#startedAt === undefined ? {} : { startedAt: this.#startedAt.toISOString() };
    return { id, ...subject, state, ...this.#meter.read(), createdAt, ...started };
  }

  /** Asks the work to undo what it did. It ends as done when it is too late for that. */
  cancel(): void {
    this.#abort.abort(new PluginError("CANCELLED", `the ${this.subject.action} was cancelled`));
  }

  /** Calls the listener after each change, until it is told not to. Ask Jobs, which bounds their number. */
  watch(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  async #run(work: JobWork): Promise<void> {
    const result = await this.#resultOf(work);
    const state = stateAfter(result);
    const done = state === "done" ? { percent: 100 } : {};
    this.#end = { ...this.view(), state, ...done, endedAt: new Date().toISOString(), result };
    this.#tell();
    this.#watchers.clear();
  }

  async #resultOf(work: JobWork): Promise<JobResult> {
    try {
      return await work({ signal: this.#abort.signal, progress: this.#meter });
    } catch {
      // Work says itself what went wrong. That it did not is a fault of ours, which must not end the server.
      return { status: ERROR_STATUS.INTERNAL, error: "INTERNAL", message: "internal error; see the server's log" };
    }
  }

  #stepped(): void {
    if (this.#end !== undefined) return;
    if (this.stage !== "waiting") this.#startedAt ??= new Date();
    this.#tell();
  }

  #tell(): void {
    this.#revision += 1;
    for (const listener of this.#watchers) listener();
  }
}

function stateAfter(result: JobResult): JobState {
  if (!isFailure(result)) return "done";
  return result.error === "CANCELLED" ? "cancelled" : "failed";
}
