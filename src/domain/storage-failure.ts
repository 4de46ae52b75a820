import { hasCode, PluginError } from "./errors.ts";

/** What a disk that can't take a file from outside is told as; `sentence` is for every reason but a full disk. */
export function storageFailure(cause: unknown, sentence = "the server cannot store it"): PluginError {
  if (hasCode(cause, "ENOSPC", "EDQUOT")) {
    return new PluginError("STORAGE_FULL", "there is no space left on the server's disk", { cause });
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  return new PluginError("STORAGE_FAILED", `${sentence} (${code})`, { cause });
}

/** Runs work on files. @throws PluginError STORAGE_FULL, STORAGE_FAILED; a PluginError of the work itself */
export async function orStorageFailure<T>(work: () => Promise<T>, sentence?: string): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof PluginError ? cause : storageFailure(cause, sentence);
  }
}
