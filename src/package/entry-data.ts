import type { FileHandle } from "node:fs/promises";
import { pipeline, type TransformOptions } from "node:stream";
import { createInflateRaw, type InflateRaw, inflateRawSync, type ZlibOptions } from "node:zlib";
import { hasCode } from "../lib/errors.ts";
import { refusedEntry } from "./refusal.ts";
import type { ZipEntry } from "./zip-entry.ts";
import { ZipWindow } from "./zip-window.ts";

/** Large steps: with node's default of 16 KiB a file of 300 MB takes three times as long. */
const READ_BYTES = 256 * 1024;
const INFLATE_BYTES = 256 * 1024;
/** Inflated in advance, while earlier data is hashed and written. */
const INFLATE_AHEAD_BYTES = 1024 * 1024;
const MIN_ZLIB_CHUNK = 64;

/** Inflating so little takes less time (a third of a millisecond) than having a thread do it. */
const SMALL_BYTES = 64 * 1024;

const MORE_THAN_ANNOUNCED = "it has more data than it announces";
const OTHER_DATA_BEHIND = "there is other data behind its own";

/** Whether an entry is read and unpacked in one step. */
export function isSmall({ compressedSize, uncompressedSize }: ZipEntry): boolean {
  return compressedSize <= SMALL_BYTES && uncompressedSize <= SMALL_BYTES;
}

/** The data of a zip's entries, unpacked. Sizes and checksums are not compared here. */
export class EntryReader {
  readonly #zip: FileHandle;
  readonly #window: ZipWindow;

  constructor(zip: FileHandle) {
    this.#zip = zip;
    this.#window = new ZipWindow(zip);
  }

  /**
   * @param check called now and then; what it throws ends the reading
   * @throws PluginError ARCHIVE_INVALID; the file system's error
   */
  async *read(entry: ZipEntry, check: () => void): AsyncGenerator<Buffer> {
    if (entry.compressedSize === 0) return;
    if (isSmall(entry)) yield await this.#readSmall(entry);
    else yield* entry.method === 0 ? this.#packed(entry, check) : inflated(entry, this.#packed(entry, check));
  }

  async #readSmall(entry: ZipEntry): Promise<Buffer> {
    const packed = await this.#window.read(entry.dataStart, entry.compressedSize);
    if (packed.length < entry.compressedSize) throw endsTooEarly(entry);
    return entry.method === 0 ? packed : inflatedAtOnce(entry, packed);
  }

  /** An entry's bytes as they are in the zip. (A stream of the handle would close it.) */
  async *#packed(entry: ZipEntry, check: () => void): AsyncGenerator<Buffer> {
    let position = entry.dataStart;
    const end = position + entry.compressedSize;
    while (position < end) {
      check();
      const length = Math.min(READ_BYTES, end - position);
      const { buffer, bytesRead } = await this.#zip.read(Buffer.allocUnsafeSlow(length), 0, length, position);
      if (bytesRead === 0) throw endsTooEarly(entry);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}

async function* inflated(entry: ZipEntry, packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw(inflateOptions(entry));
  pipeline(packed, inflate, () => {}); // an error of `packed` ends the loop below through `inflate`
  try {
    yield* inflate;
  } catch (cause) {
    throw translated(entry, cause);
  }
  if (inflate.bytesWritten < entry.compressedSize) throw refusedEntry(entry, OTHER_DATA_BEHIND);
}

function inflatedAtOnce(entry: ZipEntry, packed: Buffer): Buffer {
  const { uncompressedSize } = entry;
  const maxOutputLength = Math.max(uncompressedSize, 1);
  // One byte more than announced is room enough to find the end in one step.
  const options = { chunkSize: Math.max(uncompressedSize + 1, MIN_ZLIB_CHUNK), maxOutputLength, info: true };
  let found: { readonly buffer: Buffer; readonly engine: InflateRaw };
  try {
    // Node returns an object for `info`; its types don't say so.
    found = inflateRawSync(packed, options) as unknown as typeof found;
  } catch (cause) {
    throw translated(entry, cause);
  }
  if (found.engine.bytesWritten < entry.compressedSize) throw refusedEntry(entry, OTHER_DATA_BEHIND);
  return found.buffer;
}

/** Node takes a stream's options here too; its types don't say so. */
function inflateOptions({ uncompressedSize }: ZipEntry): ZlibOptions & TransformOptions {
  const chunkSize = Math.min(INFLATE_BYTES, Math.max(uncompressedSize, MIN_ZLIB_CHUNK));
  return { chunkSize, readableHighWaterMark: INFLATE_AHEAD_BYTES, writableHighWaterMark: 2 * READ_BYTES };
}

function translated(entry: ZipEntry, cause: unknown): unknown {
  if (hasCode(cause, "ERR_BUFFER_TOO_LARGE")) return refusedEntry(entry, MORE_THAN_ANNOUNCED, cause);
  if (isZlibError(cause)) return refusedEntry(entry, `its data can't be unpacked (${cause.message})`, cause);
  return cause;
}

function isZlibError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && /^(Z_|ERR_ZLIB)/.test(String(error.code));
}

function endsTooEarly(entry: ZipEntry): Error {
  return refusedEntry(entry, "its data ends too early");
}
