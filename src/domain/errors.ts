import { hasCode } from "../lib/errors.ts";
import { cutAt } from "../lib/text.ts";
import { DISK_FULL, STORAGE_ERRORS, storageMessage } from "./storage-advice.ts";

/**
 * Every failure that a client can see: its stable code and its HTTP status. The original answers nearly everything with
 * 400; where clients know that, it stays.
 */
export const ERROR_STATUS = {
  BODY_INVALID: 400,
  BODY_TOO_LARGE: 413,
  NAME_INVALID: 400,
  NAME_TAKEN: 400,
  NAME_MARKED_DELETED: 400,
  URI_INVALID: 400,
  DOWNLOAD_FAILED: 400,
  CHECKSUM_MISMATCH: 400,
  SIGNATURE_INVALID: 400,
  SIGNATURE_REQUIRED: 400,
  DOWNGRADE_REFUSED: 400,
  ARCHIVE_INVALID: 400,
  SCRIPT_ABSENT: 400,
  SCRIPT_INVALID: 400,
  SCRIPT_FAILED: 400,
  PLUGIN_INCOMPATIBLE: 400,
  FUNCTION_NAME_TAKEN: 400,
  UPLOAD_INVALID: 400,
  REQUEST_INVALID: 400,
  UNAUTHENTICATED: 401,
  CROSS_SITE_REFUSED: 403,
  FORBIDDEN: 403,
  PLUGIN_NOT_FOUND: 404,
  VERSION_NOT_FOUND: 404,
  UPLOAD_NOT_FOUND: 404,
  JOB_NOT_FOUND: 404,
  LOG_NOT_FOUND: 404,
  PAGE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  CANCELLED: 409,
  JOB_ENDED: 409,
  PLUGIN_IN_USE: 409,
  STORAGE_FAILED: 500,
  INTERNAL: 500,
  NOT_SUPPORTED: 501,
  PLUGIN_HOSTS_FAILED: 502,
  ENGINE_UNREACHABLE: 502,
  ENGINE_REFUSED: 502,
  ENGINE_RESTART_FAILED: 502,
  SHUTTING_DOWN: 503,
  INTERRUPTED: 503,
  TOO_BUSY: 503,
  STORAGE_FULL: 507,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** Characters of a message, whatever was put together in it: jobs keep their messages for a long time. */
const MAX_MESSAGE = 16 * 1024;

/**
 * A failure whose message may be sent to a client. `cause` is logged and never sent, so anything secret or internal
 * belongs there.
 */
export class PluginError extends Error {
  override readonly name = "PluginError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message.length > MAX_MESSAGE ? `${cutAt(message, MAX_MESSAGE)}…` : message, options);
    this.code = code;
  }
}

/** The same failure with a prefix before its message: `prefixed(error, "fail to unzip file x: ")`. */
export function prefixed(error: PluginError, prefix: string): PluginError {
  return new PluginError(error.code, prefix + error.message, { cause: error.cause ?? error });
}

/** For `catch()`: throws a PluginError with a prefix; any other error, and the reason of an aborted signal, as it is. */
export function rethrowPrefixed(prefix: string, signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    throw error instanceof PluginError && error !== signal.reason ? prefixed(error, prefix) : error;
  };
}

/**
 * The failure that a client sees for an error of the file system; the cause, with its paths, is for the log.
 *
 * @param what the start of the message, for every error but a full disk
 */
export function storageFailure(cause: unknown, what = "the server cannot write its files"): PluginError {
  const code = hasCode(cause, ...DISK_FULL) ? "STORAGE_FULL" : "STORAGE_FAILED";
  return new PluginError(code, storageMessage(cause, what), { cause });
}

/** The error itself, or its `storageFailure` if the file system threw it. For work that also fails in other ways. */
export function asStorageFailure(error: unknown): unknown {
  return hasCode(error, ...STORAGE_ERRORS) ? storageFailure(error) : error;
}

/** For `catch()`: throws `asStorageFailure`. */
export function rethrowStorageError(error: unknown): never {
  throw asStorageFailure(error);
}

/** Runs work on files. @throws PluginError STORAGE_FULL, STORAGE_FAILED; a PluginError of the work itself */
export async function orStorageFailure<T>(work: () => Promise<T>, what?: string): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof PluginError ? cause : storageFailure(cause, what);
  }
}
