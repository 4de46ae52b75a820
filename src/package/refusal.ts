import { PluginError } from "../domain/errors.ts";
import { quoted } from "../lib/text.ts";

const MAX_NAME_LENGTH = 120;

/** What an entry is called in messages. */
interface Named {
  readonly rawName: Buffer;
}

/** @throws PluginError ARCHIVE_INVALID that names the entry, if the condition is true */
export function refuseIf(condition: boolean, entry: Named, reason: string): void {
  if (condition) throw refusedEntry(entry, reason);
}

/** @param reason the end of a sentence that begins with the entry's name */
export function refusedEntry({ rawName }: Named, reason: string, cause?: unknown): PluginError {
  return invalidZip(`${quotedName(rawName)}: ${reason}`, cause);
}

export function invalidZip(reason: string, cause?: unknown): PluginError {
  return archiveError(`invalid zip file: ${reason}`, cause);
}

export function archiveError(message: string, cause?: unknown): PluginError {
  return new PluginError("ARCHIVE_INVALID", message, { cause });
}

/** An entry's name for a message, whatever is wrong with it. */
export function quotedName(rawName: Buffer): string {
  return `"${quoted(rawName.toString("utf8"), MAX_NAME_LENGTH)}"`;
}
