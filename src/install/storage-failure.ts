import { hasCode, PluginError } from "../domain/errors.ts";

/** What a disk that can't take a zip is told as. */
export function storageFailure(cause: unknown): PluginError {
  if (hasCode(cause, "ENOSPC", "EDQUOT")) {
    return new PluginError("STORAGE_FULL", "there is no space left on the server's disk", { cause });
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  return new PluginError("STORAGE_FAILED", `the server cannot store it (${code})`, { cause });
}
