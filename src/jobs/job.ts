import { randomUUID } from "node:crypto";
import type { JobAction, JobState, Progress, Stage } from "../domain/change.ts";
import { ERROR_STATUS, type ErrorCode, PluginError } from "../domain/errors.ts";
import type { PackageId } from "../domain/plugin.ts";
import { JobOutput } from "./job-output.ts";
import { ProgressMeter } from "./progress-meter.ts";

/** A job's id: a UUID. */
export const JOB_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What a job is about. */
export interface JobSubject {
  readonly action: JobAction;
  /** Absent for a restart of the engine, which is about all plugins that wait for it. */
  readonly plugin?: PackageId;
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
  /** Absent for one that was cut off, too. */
  readonly endedAt?: string;
  /** Where what its install.sh printed can be read; absent as long as it printed nothing. */
  readonly log?: string;
  /** The job of the engine's restart that it asked for. */
  readonly restart?: string;
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
  /** A refusal of the engine's: the reply as it came. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type JobResult = JobSuccess | JobFailure;

export function isFailure(result: JobResult): result is JobFailure {
  return "error" in result;
}

/** A job that is in progress, or has ended, maybe in an earlier process. */
export interface JobReading {
  readonly id: string;
  readonly subject: JobSubject;
  readonly state: JobState;
  readonly stage: Stage;
  /** Undefined until it has ended. */
  readonly result: JobResult | undefined;
  /** Increases with each change of `view()`; -1 for one of an earlier process. */
  readonly revision: number;
  view(): JobView;
  /** What its install.sh has printed, while that is in memory. */
  readonly output: JobOutput | undefined;
  /** Calls the listener after each change, until the returned function is called. Use `Jobs.watch`, which is bounded. */
  watch(listener: () => void): () => void;
}

/** What a job gives its work. */
export interface JobRun {
  /** Its id. */
  readonly job: string;
  /** Fires when the job is cancelled. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Resolves to the result of the change, also of one that failed. */
export type JobWork = (run: JobRun) => Promise<JobResult>;

/** A change that continues whether or not a client waits for it. It starts at once; a failure is its result. */
export class Job implements JobReading {
  /** Can't be guessed: only a client that got it, or that may list all jobs, can cancel the job. */
  readonly id: string = randomUUID();
  readonly subject: JobSubject;
  /** Resolves when it has ended, also when it failed. */
  readonly ended: Promise<void>;
  readonly #meter = new ProgressMeter(() => this.#progressed());
  readonly #abort = new AbortController();
  readonly #watchers = new Set<() => void>();
  readonly #createdAt = new Date();
  readonly #progress: Progress = {
    stage: (stage) => this.#enter(stage),
    bytes: (done, total) => this.#meter.bytes(done, total),
    output: (chunk) => this.#print(chunk),
  };
  /** Called when a stage begins. */
  onStage: ((stage: Stage) => void) | undefined;
  #output: JobOutput | undefined;
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
    return { id, ...subject, state, ...this.#meter.read(), createdAt, ...started, ...this.#log() };
  }

  get output(): JobOutput | undefined {
    return this.#output;
  }

  /** To be called once it is kept elsewhere. */
  dropOutput(): void {
    this.#output = undefined;
  }

  /** Asks the work to stop and undo what it did. When it is too late for that, the job ends as done. */
  cancel(): void {
    this.#abort.abort(new PluginError("CANCELLED", `the ${this.subject.action} was cancelled`));
  }

  watch(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  async #run(work: JobWork): Promise<void> {
    const result = await this.#resultOf(work);
    this.#output?.end();
    const state = stateAfter(result);
    const done = state === "done" ? { percent: 100 } : {};
    const restart = isFailure(result) ? undefined : result.headers?.job;
    const asked = restart === undefined ? {} : { restart };
    this.#end = { ...this.view(), state, ...done, endedAt: new Date().toISOString(), ...asked, result };
    this.#notify();
    this.#watchers.clear();
  }

  async #resultOf(work: JobWork): Promise<JobResult> {
    try {
      return await work({ job: this.id, signal: this.#abort.signal, progress: this.#progress });
    } catch {
      // Work turns its failures into results. An uncaught one is our fault, and must not end the server.
      return { status: ERROR_STATUS.INTERNAL, error: "INTERNAL", message: "internal error; see the server's log" };
    }
  }

  #enter(stage: Stage): void {
    if (this.#end === undefined && stage !== this.#meter.current) {
      this.#startedAt ??= new Date();
      this.onStage?.(stage);
    }
    this.#meter.stage(stage);
  }

  #progressed(): void {
    if (this.#end === undefined) this.#notify();
  }

  #print(chunk: Uint8Array): void {
    if (this.#end !== undefined) return;
    const isFirst = this.#output === undefined;
    this.#output ??= new JobOutput(() => this.#tell());
    this.#output.add(chunk);
    if (isFirst) this.#notify();
  }

  #log(): Pick<JobView, "log"> {
    return this.#output === undefined ? {} : { log: `/jobs/${this.id}/log` };
  }

  #notify(): void {
    this.#revision += 1;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#watchers) listener();
  }
}

function stateAfter(result: JobResult): JobState {
  if (!isFailure(result)) return "done";
  if (result.error === "SHUTTING_DOWN") return "interrupted";
  return result.error === "CANCELLED" ? "cancelled" : "failed";
}
