import { hasCode } from "../lib/errors.ts";
import { PluginError } from "./errors.ts";

const DISK_FULL = ["ENOSPC", "EDQUOT"];

const STORAGE_ERRORS = [
  ...DISK_FULL,
  ...["EROFS", "EACCES", "EPERM", "EIO", "EMFILE", "ENFILE", "EXDEV", "ENOENT", "ENOTDIR"],
  ...["EEXIST", "EISDIR", "EBUSY", "ENAMETOOLONG", "ELOOP"],
];

/**
 * The failure that a client sees for an error of the file system; the cause, with its paths, is for the log.
 *
 * @param what the start of the message, for every error but a full disk
 */
export function storageFailure(cause: unknown, what = "the server cannot write its files"): PluginError {
  if (hasCode(cause, ...DISK_FULL)) {
    const message = "there is no space left on the server's disk; free some and try again";
    return new PluginError("STORAGE_FULL", message, { cause });
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  return new PluginError("STORAGE_FAILED", `${what} (${code}); see the server's log`, { cause });
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
