import type { ErrorCode } from "../../contract/errors.ts";

/** What can go wrong besides what the API answers: there was no answer, not in time, none of the API, or a job was cut off. */
export type FailureCode =
  | ErrorCode
  | "NO_ANSWER"
  | "NO_ANSWER_IN_TIME"
  | "UNREADABLE"
  | "INTERRUPTED"
  | "LOG_NOT_FOUND";

/** A call that failed, or a job: `message` is the server's own sentence, or empty where none came. */
export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
  readonly code: FailureCode;
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number;

  constructor(code: FailureCode, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Whether the page says it elsewhere: that the server is away at its top, that it wants a token in a dialog. */
export function isSaidElsewhere({ code }: ApiFailure): boolean {
  return code === "NO_ANSWER" || code === "UNAUTHENTICATED";
}

/** For whatever was thrown: a fault of the page itself is shown like one of the server's. */
export function asFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  return new ApiFailure("UNREADABLE", 0, error instanceof Error ? error.message : String(error));
}
