import type { ErrorCode } from "../domain/errors.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { Stage } from "../domain/progress.ts";

export const JOB_STATES = ["waiting", "running", "done", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

export type JobAction = "install" | "update" | "rollback" | "delete";

/** What a job is about. */
export interface JobSubject {
  readonly action: JobAction;
  readonly plugin: PluginId;
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
