import type { FileHandle } from "node:fs/promises";
import { type Entry, fromFdPromise, type ZipFile } from "yauzl";
import { PluginError } from "../domain/errors.ts";
import { invalidZip, notAZip, quotedName, refusedEntry, refuseIf } from "./refusal.ts";
import { localFacts, type ZipArchive, type ZipEntry } from "./zip-entry.ts";

/** Signatures and lengths of the records at the end of a zip (PKWARE's APPNOTE, 4.3). */
const END = 0x06054b50;
const END_BYTES = 22;
const ZIP64_LOCATOR = 0x07064b50;
const ZIP64_LOCATOR_BYTES = 20;
const ZIP64_END = 0x06064b50;
const ZIP64_END_BYTES = 56;
const MAX_COMMENT_BYTES = 0xffff;

/** A field of the plain record has this when the zip64 record has the value. */
const IN_ZIP64 = { u16: 0xffff, u32: 0xffffffff } as const;

/** Where the central directory is, in bytes from the beginning of the file; it ends where the end records begin. */
interface Directory {
  readonly start: number;
  readonly end: number;
}

/**
 * Where a zip's directory is. Stricter than yauzl, which takes the first record that it finds: all readers of the same
 * bytes must come to the same list of files.
 *
 * @throws PluginError ARCHIVE_INVALID where there is no end record, or the end records allow two readings
 */
async function locateDirectory(file: FileHandle): Promise<Directory> {
  const { size } = await file.stat();
  const tail = await readBytes(file, Math.max(0, size - END_BYTES - MAX_COMMENT_BYTES), size);
  const ends = endRecords(tail);
  const [position] = ends;
  if (position === undefined) throw notAZip();
  if (ends.length > 1) throw invalidZip("it has more than one end record");
  const record = tail.subarray(position);
  const recordStart = size - tail.length + position;

  const plain = {
    disks: [record.readUInt16LE(4), record.readUInt16LE(6)],
    entries: [record.readUInt16LE(8), record.readUInt16LE(10)],
    size: record.readUInt32LE(12),
    start: record.readUInt32LE(16),
  };
  const locator = await readBytes(file, recordStart - ZIP64_LOCATOR_BYTES, recordStart);
  const isZip64 = locator.length === ZIP64_LOCATOR_BYTES && locator.readUInt32LE(0) === ZIP64_LOCATOR;
  if (!isZip64) return checkedDirectory(plain, recordStart);

  const wideStart = Number(locator.readBigUInt64LE(8));
  const wide = await readBytes(file, wideStart, wideStart + ZIP64_END_BYTES);
  if (wide.length < ZIP64_END_BYTES || wide.readUInt32LE(0) !== ZIP64_END) {
    throw invalidZip("its zip64 end record is broken");
  }
  const fields = {
    disks: [wide.readUInt32LE(16), wide.readUInt32LE(20)],
    entries: [Number(wide.readBigUInt64LE(24)), Number(wide.readBigUInt64LE(32))],
    size: Number(wide.readBigUInt64LE(40)),
    start: Number(wide.readBigUInt64LE(48)),
  };
  const agrees = (narrow: number, mark: number, value: number | undefined) => narrow === mark || narrow === value;
  const agree =
    plain.entries.every((count, index) => agrees(count, IN_ZIP64.u16, fields.entries[index])) &&
    agrees(plain.size, IN_ZIP64.u32, fields.size) &&
    agrees(plain.start, IN_ZIP64.u32, fields.start);
  if (!agree) throw invalidZip("its two end records differ");
  return checkedDirectory(fields, wideStart);
}

interface EndFields {
  readonly disks: readonly number[];
  readonly entries: readonly number[];
  readonly size: number;
  readonly start: number;
}

function checkedDirectory({ disks, entries, size, start }: EndFields, recordStart: number): Directory {
  if (disks.some((disk) => disk !== 0) || entries[0] !== entries[1]) throw invalidZip("it is a part of several files");
  if (start + size !== recordStart) throw invalidZip("its directory is not where its end record says");
  return { start, end: recordStart };
}

/** Every position at which an end record could begin: its comment reaches exactly to the end of the file. */
function endRecords(tail: Buffer): number[] {
  const found: number[] = [];
  for (let position = tail.length - END_BYTES; position >= 0; position -= 1) {
    if (tail.readUInt32LE(position) !== END) continue;
    if (position + END_BYTES + tail.readUInt16LE(position + 20) === tail.length) found.push(position);
  }
  return found;
}

/** The bytes from `start` up to `end`, fewer where the file has no more. */
async function readBytes(file: FileHandle, start: number, end: number): Promise<Buffer> {
  if (!(start >= 0) || !Number.isSafeInteger(start)) return Buffer.alloc(0);
  const buffer = Buffer.alloc(end - start);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
  return buffer.subarray(0, bytesRead);
}

const UNICODE_PATH_FIELD = 0x7075;

/** A record of the central directory: its signature, and the length of the part before the name. */
const RECORD = 0x02014b50;
const RECORD_BYTES = 46;

/**
 * Reads a zip's directory and every entry's local header; no data is unpacked.
 *
 * @param maxEntries a zip with more is refused
 * @throws PluginError ARCHIVE_INVALID
 */
export async function readArchive(file: FileHandle, maxEntries: number): Promise<ZipArchive> {
  // Before yauzl reads anything: an absurd position in the end records would make it end the process.
  const directory = await locateDirectory(file);
  const zip = await openZip(file);
  if (zip.entryCount > maxEntries) {
    throw invalidZip(`it has ${zip.entryCount} entries, allowed are ${maxEntries} (pluginPackage.maxEntries)`);
  }
  const entries: ZipEntry[] = [];
  try {
    for await (const entry of zip.eachEntry()) entries.push(await withLocalHeader(entry, zip, directory));
  } catch (cause) {
    if (cause instanceof PluginError) throw cause;
    throw invalidZip(`${await failedEntry(file, Number(zip.readEntryCursor))}: ${(cause as Error).message}`, cause);
  }
  // Other readers would see entries behind the announced number, and this one would not.
  if (Number(zip.readEntryCursor) !== directory.end) {
    throw invalidZip("its directory has other entries than it announces");
  }
  return { entries, directoryStart: directory.start };
}

async function openZip(file: FileHandle): Promise<ZipFile> {
  try {
    return await fromFdPromise(file.fd, { decodeStrings: false, validateEntrySizes: false, autoClose: false });
  } catch (cause) {
    throw notAZip(cause);
  }
}

async function withLocalHeader(entry: Entry, zip: ZipFile, directory: Directory): Promise<ZipEntry> {
  const named = { rawName: entry.fileNameRaw };
  refuseIf(entry.relativeOffsetOfLocalHeader >= directory.start, named, "its data is outside of the file");
  const local = await zip.readLocalFileHeaderPromise(entry).catch((cause: Error) => {
    throw refusedEntry(named, `its local header can't be read: ${cause.message}`, cause);
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

/** The name of the entry at which yauzl failed: its cursor is at the record, or just behind its fixed part. */
async function failedEntry(file: FileHandle, cursor: number): Promise<string> {
  for (const start of [cursor, cursor - RECORD_BYTES]) {
    const record = await readBytes(file, start, start + RECORD_BYTES);
    if (record.length < RECORD_BYTES || record.readUInt32LE(0) !== RECORD) continue;
    const nameStart = start + RECORD_BYTES;
    return quotedName(await readBytes(file, nameStart, nameStart + record.readUInt16LE(28)));
  }
  return "its directory is broken";
}
