import type { Config } from "../config/schema.ts";
import { checkEntry } from "./entries.ts";
import { type EntryPath, readEntryNames } from "./entry-name.ts";
import { invalidZip, refuseIf } from "./refusal.ts";
import type { ZipArchive, ZipEntry } from "./zip-entry.ts";

/** An entry whose headers and path are harmless, wherever it goes. */
export interface CheckedEntry extends EntryPath {
  readonly entry: ZipEntry;
}

/**
 * Checks every entry by itself, and all of them together, without deciding where they go. Pure.
 *
 * @returns the entries in the order of the zip
 * @throws PluginError ARCHIVE_INVALID with a message that names the entry
 */
export function checkedEntries(archive: ZipArchive, limits: Config["pluginPackage"]): CheckedEntry[] {
  const paths = readEntryNames(archive.entries);
  const entries = archive.entries.map((entry, index) => {
    const path = paths[index] as EntryPath;
    checkEntry(entry, path, limits);
    return { entry, ...path };
  });
  checkTotalSize(entries, limits);
  checkOverlaps(entries, archive.directoryStart);
  return entries;
}

function checkTotalSize(entries: readonly CheckedEntry[], limits: Config["pluginPackage"]): void {
  const total = entries.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
  if (total > limits.maxTotalBytes) {
    throw invalidZip(
      `unpacked it has ${total} bytes, allowed are ${limits.maxTotalBytes} (pluginPackage.maxTotalBytes)`,
    );
  }
}

/** Entries that share data unpack to far more than the zip's size: zip bombs that no ratio of one entry reveals. */
function checkOverlaps(entries: readonly CheckedEntry[], directoryStart: number): void {
  const spans = entries
    .map(({ entry }) => ({ entry, start: entry.headerStart, end: endOf(entry) }))
    .sort((a, b) => a.start - b.start || a.end - b.end);
  let previousEnd = 0;
  for (const { entry, start, end } of spans) {
    refuseIf(start < previousEnd, entry, "its data overlaps that of another entry");
    refuseIf(end > directoryStart, entry, "its data runs into the zip's directory");
    previousEnd = end;
  }
}

function endOf({ dataStart, compressedSize, local }: ZipEntry): number {
  return dataStart + compressedSize + local.descriptorBytes;
}
