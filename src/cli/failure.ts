import type { ErrorCode } from "../domain/errors.ts";

/** How a command ends, other than a Ctrl-C (130) and `inspect`, which ends by its verdict. */
export const EXIT_STATUS = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notFound: 4,
  notPermitted: 5,
  tryAgain: 6,
  inUse: 7,
  cancelled: 8,
  engineWorse: 9,
} as const;

type ExitStatus = (typeof EXIT_STATUS)[keyof typeof EXIT_STATUS];

/** The failures that scripts tell apart by their code; all others by their HTTP status. */
const BY_CODE: Partial<Record<ErrorCode | "INTERRUPTED", ExitStatus>> = {
  PLUGIN_IN_USE: EXIT_STATUS.inUse,
  CANCELLED: EXIT_STATUS.cancelled,
  INTERRUPTED: EXIT_STATUS.cancelled,
};

const BY_HTTP_STATUS: Readonly<Record<number, ExitStatus>> = {
  401: EXIT_STATUS.notPermitted,
  403: EXIT_STATUS.notPermitted,
  404: EXIT_STATUS.notFound,
  503: EXIT_STATUS.tryAgain,
};

/** What a refusal of the server's ends a command with. */
export function exitStatusOf(code: string, httpStatus: number): ExitStatus {
  const byCode: Readonly<Record<string, ExitStatus>> = BY_CODE;
  return (Object.hasOwn(byCode, code) ? byCode[code] : BY_HTTP_STATUS[httpStatus]) ?? EXIT_STATUS.failed;
}

/** Ends a command: one sentence for people, a code for programs, and the exit status. */
export class CommandFailure extends Error {
  override readonly name: string = "CommandFailure";
  readonly code: string;
  readonly exitStatus: number;

  constructor(code: string, message: string, exitStatus: number, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.exitStatus = exitStatus;
  }
}

/** The arguments can't be used as they are. */
export function usageFailure(message: string): CommandFailure {
  return new CommandFailure("USAGE", message, EXIT_STATUS.usage);
}

/** The server has answered, and refused. */
export class ServerRefusal extends CommandFailure {
  override readonly name = "ServerRefusal";
  readonly httpStatus: number;

  constructor(code: string, message: string, httpStatus: number) {
    super(code, message, exitStatusOf(code, httpStatus));
    this.httpStatus = httpStatus;
  }
}

/** No answer of the server's has come, or only a part of one. */
export class Unreachable extends CommandFailure {
  override readonly name = "Unreachable";

  constructor(message: string, cause?: unknown) {
    super("UNREACHABLE", message, EXIT_STATUS.unreachable, { cause });
  }
}
