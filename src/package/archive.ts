import type { FileHandle } from "node:fs/promises";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import { PluginError } from "../domain/errors.ts";
import { Breather } from "../lib/event-loop.ts";
import { measureDescriptor } from "./data-descriptor.ts";
import { type Directory, locateDirectory, RECORD, readBytes } from "./end-records.ts";
import { notAZip } from "./file-kind.ts";
import { invalidZip, quotedName, refusedEntry, refuseIf } from "./refusal.ts";
import { FLAG, localFacts, type ZipArchive, type ZipEntry } from "./zip-entry.ts";
import { ZipWindow } from "./zip-window.ts";

const UNICODE_PATH_FIELD = 0x7075;

/** The length of a record of the central directory before the name. */
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
  const zip = await openZip(file, directory);
  if (zip.entryCount > maxEntries) {
    throw invalidZip(`it has ${zip.entryCount} entries, allowed are ${maxEntries} (pluginPackage.maxEntries)`);
  }
  const entries: ZipEntry[] = [];
  const breather = new Breather(); // most entries are in memory already, and are not waited for
  try {
    for await (const entry of zip.eachEntry()) {
      entries.push(await withLocalHeader(entry, zip, file, directory));
      await breather.breathe();
    }
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

async function openZip(file: FileHandle, { archiveEnd }: Directory): Promise<ZipFile> {
  const options = { decodeStrings: false, validateEntrySizes: false, autoClose: false };
  try {
    return await fromRandomAccessReaderPromise(new FileReader(file), archiveEnd, options);
  } catch (cause) {
    throw await notAZip(file, cause);
  }
}

/** Reads for yauzl, which takes no zip with bytes behind it: it is given the size of the zip alone. */
class FileReader extends RandomAccessReader {
  readonly #window: ZipWindow;

  constructor(file: FileHandle) {
    super();
    this.#window = new ZipWindow(file);
  }

  override read(...args: Parameters<RandomAccessReader["read"]>): void {
    const [buffer, offset, length, position, given] = args;
    const callback = given as (error: Error | null, bytes?: number) => void; // its types leave the count out
    this.#window.read(position, length).then((bytes) => callback(null, bytes.copy(buffer, offset)), callback);
  }
}

async function withLocalHeader(entry: Entry, zip: ZipFile, file: FileHandle, directory: Directory): Promise<ZipEntry> {
  const named = { rawName: entry.fileNameRaw };
  refuseIf(entry.relativeOffsetOfLocalHeader >= directory.start, named, "its data is outside of the file");
  const local = await zip.readLocalFileHeaderPromise(entry).catch((cause: Error) => {
    throw refusedEntry(named, `its local header can't be read: ${cause.message}`, cause);
  });
  const isAnnouncedOnce = (local.generalPurposeBitFlag & ~entry.generalPurposeBitFlag & FLAG.sizesFollowData) !== 0;
  const descriptorBytes = isAnnouncedOnce ? await measureDescriptor(file, entry, local.fileDataStart) : 0;
  const unicodePath = entry.extraFields.find((field) => field.id === UNICODE_PATH_FIELD)?.data;
  return {
    // Copies: the originals are parts of a buffer with all the extra fields and comments.
    rawName: Buffer.from(entry.fileNameRaw),
    unicodePath: unicodePath === undefined ? undefined : Buffer.from(unicodePath),
    maker: entry.versionMadeBy >>> 8,
    flags: entry.generalPurposeBitFlag,
    method: entry.compressionMethod,
    crc32: entry.crc32,
    compressedSize: entry.compressedSize,
    uncompressedSize: entry.uncompressedSize,
    externalAttributes: entry.externalFileAttributes,
    headerStart: entry.relativeOffsetOfLocalHeader,
    dataStart: local.fileDataStart,
    local: localFacts(local, entry.fileNameRaw, descriptorBytes),
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
