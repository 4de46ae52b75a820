import { randomUUID } from "node:crypto";
import type { Progress, Stage } from "../domain/change.ts";
import { ERROR_STATUS, type ErrorCode, PluginError } from "../domain/errors.ts";
import type { PluginId } from "../domain/plugin.ts";
import { ProgressMeter } from "./progress-meter.ts";

export const JOB_STATES = ["waiting", "running", "done", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

export type JobAction = "install" | "update" | "rollback" | "delete" | "restart";

/** What a job is about. */
export interface JobSubject {
  readonly action: JobAction;
  /** Absent for a restart of the engine, which is about all plugins that wait for it. */
  readonly plugin?: PluginId;
}

/** A job as clients see it, at one moment. Times are ISO 8601, UTC. */
export interface JobView extends JobSubject {
  readonly id: string;
  readonly state: JobState;
  /** The current one, or that in which it ended. */
  readonly stage: Stage;
  /** Of the stage so far. */
  readonly bytes: number;
  /** Of the whole stage; absent while unknown. */
  readonly totalBytes?: number;
  /** 0 to 99 and never less than before; 100 when the job is done, and only then. */
  readonly percent: number;
  readonly createdAt: string;
  /** Absent for a job that never started. */
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly result?: JobResult;
}

/** What the synchronous reply would have been. */
export interface JobSuccess {
  readonly status: number;
  /** A string is sent as text, an object as JSON. */
  readonly body: string | object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The refusal that the synchronous reply would have been. */
export interface JobFailure {
  readonly status: number;
  readonly error: ErrorCode;
  /** With the prefix that it has in a reply. */
  readonly message: string;
}

export type JobResult = JobSuccess | JobFailure;

export function isFailure(result: JobResult): result is JobFailure {
  return "error" in result;
}

/** What a job gives its work. */
export interface JobRun {
  /** Fires when the job is cancelled. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Resolves to the result of the change, also of one that failed. */
export type JobWork = (run: JobRun) => Promise<JobResult>;

/** A change that continues whether or not a client waits for it. It starts at once; a failure is its result. */
export class Job {
  /** Can't be guessed: only a client that got it, or that may list all jobs, can cancel the job. */
  readonly id: string = randomUUID();
  readonly subject: JobSubject;
  /** Resolves when it has ended, also when it failed. */
  readonly ended: Promise<void>;
  readonly #meter = new ProgressMeter(() => this.#progressed());
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

  /** Increases with each change of `view()`. */
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

  /** Asks the work to stop and undo what it did. When it is too late for that, the job ends as done. */
  cancel(): void {
    this.#abort.abort(new PluginError("CANCELLED", `the ${this.subject.action} was cancelled`));
  }

  /** Calls the listener after each change, until the returned function is called. Use `Jobs.watch`, which is bounded. */
  watch(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  async #run(work: JobWork): Promise<void> {
    const result = await this.#resultOf(work);
    const state = stateAfter(result);
    const done = state === "done" ? { percent: 100 } : {};
    this.#end = { ...this.view(), state, ...done, endedAt: new Date().toISOString(), result };
    this.#notify();
    this.#watchers.clear();
  }

  async #resultOf(work: JobWork): Promise<JobResult> {
    try {
      return await work({ signal: this.#abort.signal, progress: this.#meter });
    } catch {
      // Work turns its failures into results. An uncaught one is our fault, and must not end the server.
      return { status: ERROR_STATUS.INTERNAL, error: "INTERNAL", message: "internal error; see the server's log" };
    }
  }

  #progressed(): void {
    if (this.#end !== undefined) return;
    if (this.stage !== "waiting") this.#startedAt ??= new Date();
    this.#notify();
  }

  #notify(): void {
    this.#revision += 1;
    for (const listener of this.#watchers) listener();
  }
}

function stateAfter(result: JobResult): JobState {
  if (!isFailure(result)) return "done";
  return result.error === "CANCELLED" ? "cancelled" : "failed";
}
