import { hasCode, PluginError } from "../domain/errors.ts";

/** Gives the file system's errors a sentence that says what to do; the cause, with its paths, is for the log. */
export function rethrowStorageError(error: unknown): never {
  if (!hasCode(error, ...STORAGE_ERRORS)) throw error;
  const { code } = error;
  if (code === "ENOSPC" || code === "EDQUOT") {
    throw new PluginError("STORAGE_FULL", "no space left on the device; free some and try again", { cause: error });
  }
  throw new PluginError("STORAGE_FAILED", `the files could not be written (${code}); see the server's log`, {
    cause: error,
  });
}

const STORAGE_ERRORS = [
  ...["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EMFILE"],
  ...["ENFILE", "EXDEV", "ENOENT", "ENOTDIR", "EEXIST", "EISDIR", "EBUSY", "ENAMETOOLONG", "ELOOP"],
];
