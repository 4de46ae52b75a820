import type { FileHandle } from "node:fs/promises";
import { type Entry, fromFdPromise, type ZipFile } from "yauzl";
import { PluginError } from "../domain/errors.ts";
import { type Directory, locateDirectory, read } from "./end-record.ts";
import { shownName } from "./entry-name.ts";
import { localFacts, type ZipArchive, type ZipEntry } from "./zip-entry.ts";

const UNICODE_PATH_FIELD = 0x7075;

/** A record of the central directory: its signature, the length of its fixed part. */
const RECORD = 0x02014b50;
const RECORD_BYTES = 46;
/**
 * Reads a zip's directory and every entry's local header; no data is unpacked.
 *
 * @param maxEntries read no more than this
 * @throws PluginError ARCHIVE_INVALID
 */
export async function readArchive(file: FileHandle, maxEntries: number): Promise<ZipArchive> {
  // First of all: yauzl trusts a position in these records so far that a wild one ends the process.
  const directory = await locateDirectory(file);
  if (directory === undefined) throw notAZip();
  if (typeof directory === "string") throw invalid(directory);
  const zip = await fromFdPromise(file.fd, { decodeStrings: false, validateEntrySizes: false, autoClose: false }).catch(
    (cause) => {
      throw notAZip(cause);
    },
  );
  if (zip.entryCount > maxEntries) {
    throw invalid(`it has ${zip.entryCount} entries, allowed are ${maxEntries} (pluginPackage.maxEntries)`);
  }
  const entries: ZipEntry[] = [];
  try {
    for await (const entry of zip.eachEntry()) entries.push(await withLocalHeader(entry, zip, directory));
  } catch (cause) {
    if (cause instanceof PluginError) throw cause;
    throw invalid(`${await failedEntry(file, Number(zip.readEntryCursor))}: ${(cause as Error).message}`, cause);
  }
  // Entries behind the announced number would be seen by other readers and not by this one.
  if (Number(zip.readEntryCursor) !== directory.end) throw invalid("its directory has other entries than it announces");
  return { entries, directoryStart: directory.start };
}

async function withLocalHeader(entry: Entry, zip: ZipFile, directory: Directory): Promise<ZipEntry> {
  const name = () => shownName(entry.fileNameRaw);
  if (entry.relativeOffsetOfLocalHeader >= directory.start) throw invalid(`${name()}: its data is outside of the file`);
  const local = await zip.readLocalFileHeaderPromise(entry).catch((cause) => {
    throw invalid(`${name()}: its local header can't be read: ${(cause as Error).message}`, cause);
  });
  const unicodePath = entry.extraFields.find((field) => field.id === UNICODE_PATH_FIELD)?.data;
  return {
    // Copies: the originals are parts of a buffer with all the extra fields and comments.
    rawName: Buffer.from(entry.fileNameRaw),
    unicodePath: unicodePath === undefined ? undefined : Buffer.from(unicodePath),
    flags: entry.generalPurposeBitFlag,
    method: entry.compressionMethod,
    crc32: entry.crc32,
    compressedSize: entry.compressedSize,
    uncompressedSize: entry.uncompressedSize,
    externalAttributes: entry.externalFileAttributes,
    headerStart: entry.relativeOffsetOfLocalHeader,
    dataStart: local.fileDataStart,
    local: localFacts(local, entry.fileNameRaw),
  };
}

/** The name of the entry at which yauzl gave up: its cursor is at the record, or just behind its fixed part. */
async function failedEntry(file: FileHandle, cursor: number): Promise<string> {
  for (const start of [cursor, cursor - RECORD_BYTES]) {
    const record = await read(file, start, start + RECORD_BYTES);
    if (record.length < RECORD_BYTES || record.readUInt32LE(0) !== RECORD) continue;
    const nameStart = start + RECORD_BYTES;
    return shownName(await read(file, nameStart, nameStart + record.readUInt16LE(28)));
  }
  return "its directory is broken";
}

function notAZip(cause?: unknown): PluginError {
  return new PluginError("ARCHIVE_INVALID", "zip: not a valid zip file", { cause });
}

function invalid(reason: string, cause?: unknown): PluginError {
  return new PluginError("ARCHIVE_INVALID", `invalid zip file: ${reason}`, { cause });
}
