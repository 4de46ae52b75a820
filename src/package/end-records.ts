import type { FileHandle } from "node:fs/promises";
import type { PluginError } from "../domain/errors.ts";
import { notAZip } from "./file-kind.ts";
import { invalidZip } from "./refusal.ts";

/** Signatures and lengths of the records at the end of a zip (PKWARE's APPNOTE, 4.3). */
const END_MARK = Buffer.from("PK\x05\x06", "latin1");
const END_BYTES = 22;
const ZIP64_LOCATOR = 0x07064b50;
const ZIP64_LOCATOR_BYTES = 20;
const ZIP64_END = 0x06064b50;
const ZIP64_END_BYTES = 56;
const MAX_COMMENT_BYTES = 0xffff;
/** The signature of a record of the central directory. */
export const RECORD = 0x02014b50;

/** A field of the plain record has this when the zip64 record has the value. */
const IN_ZIP64 = { u16: 0xffff, u32: 0xffffffff } as const;

/** Where the central directory is, in bytes from the beginning of the file; it ends where the end records begin. */
export interface Directory {
  readonly start: number;
  readonly end: number;
  /** Where the zip ends: there can be bytes behind it that are nobody's. */
  readonly archiveEnd: number;
}

/**
 * Where a zip's directory is. Stricter than yauzl, which takes the first record that it finds: all readers of the same
 * bytes must come to the same list of files.
 *
 * @throws PluginError ARCHIVE_INVALID where there is no end record, or the end records allow two readings
 */
export async function locateDirectory(file: FileHandle): Promise<Directory> {
  const { size } = await file.stat();
  const tail = await readBytes(file, Math.max(0, size - END_BYTES - MAX_COMMENT_BYTES), size);
  const position = findEndRecord(tail, size);
  if (position === undefined) throw await notAZip(file);
  const record = tail.subarray(position);
  const recordStart = size - tail.length + position;
  const archiveEnd = recordStart + endOf(tail, position) - position;

  const plain = {
    disks: [record.readUInt16LE(4), record.readUInt16LE(6)],
    entries: [record.readUInt16LE(8), record.readUInt16LE(10)],
    size: record.readUInt32LE(12),
    start: record.readUInt32LE(16),
  };
  const locator = await readBytes(file, recordStart - ZIP64_LOCATOR_BYTES, recordStart);
  const isZip64 = locator.length === ZIP64_LOCATOR_BYTES && locator.readUInt32LE(0) === ZIP64_LOCATOR;
  if (!isZip64) return { ...checkedDirectory(plain, recordStart), archiveEnd };

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
  return { ...checkedDirectory(fields, wideStart), archiveEnd };
}

interface EndFields {
  readonly disks: readonly number[];
  readonly entries: readonly number[];
  readonly size: number;
  readonly start: number;
}

function checkedDirectory(
  { disks, entries, size, start }: EndFields,
  recordStart: number,
): Pick<Directory, "start" | "end"> {
  if (disks.some((disk) => disk !== 0) || entries[0] !== entries[1]) throw invalidZip("it is a part of several files");
  if (start + size !== recordStart) throw invalidZip("its directory is not where its end record says");
  return { start, end: recordStart };
}

/**
 * Where the end record begins in the last bytes of a file; undefined where there is none. All readers look for it from
 * the end. Most of them don't mind bytes behind it (padding to blocks, a line break); some need its comment to reach to
 * the end of the file, so nothing else may look like an end record to these.
 *
 * @throws PluginError ARCHIVE_INVALID where there is more than one
 */
function findEndRecord(tail: Buffer, size: number): number | undefined {
  const marks = positionsOf(END_MARK, tail);
  const exact = marks.filter((position) => endOf(tail, position) === tail.length);
  if (exact.length > 1) throw severalEnds();
  if (exact.length === 1) return exact[0];
  const last = marks.pop();
  if (last === undefined || !(endOf(tail, last) < tail.length)) return undefined;
  if (marks.some((position) => hasDirectoryBefore(tail, position, size))) throw severalEnds();
  return last;
}

function severalEnds(): PluginError {
  return invalidZip("it has more than one end record");
}

/** Where an end record and its comment would end; not a number where the file is too short for one. */
function endOf(tail: Buffer, position: number): number {
  if (position + END_BYTES > tail.length) return Number.NaN;
  return position + END_BYTES + tail.readUInt16LE(position + 20);
}

/** Whether it could be an end record: where it says that its directory begins, there is one, or it is out of sight. */
function hasDirectoryBefore(tail: Buffer, position: number, size: number): boolean {
  const start = position - tail.readUInt32LE(position + 12);
  if (start < 0) return size - tail.length + start >= 0;
  return start === position || tail.readUInt32LE(start) === RECORD;
}

function positionsOf(mark: Buffer, bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) found.push(at);
  return found;
}

/** The bytes from `start` up to `end`, fewer where the file has no more. */
export async function readBytes(file: FileHandle, start: number, end: number): Promise<Buffer> {
  if (!(start >= 0) || !Number.isSafeInteger(start)) return Buffer.alloc(0);
  const buffer = Buffer.alloc(end - start);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
  return buffer.subarray(0, bytesRead);
}
