import type { ErrorCode } from "../domain/errors.ts";

/** What the synchronous answer would have been. */
export interface JobSuccess {
  readonly status: number;
  /** A text goes out as text, an object as JSON. */
  readonly body: string | object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The refusal that the synchronous answer would have been. */
export interface JobFailure {
  readonly status: number;
  readonly error: ErrorCode;
  /** With the words that come before it in an answer. */
  readonly message: string;
}

export type JobResult = JobSuccess | JobFailure;

export function isFailure(result: JobResult): result is JobFailure {
  return "error" in result;
}
