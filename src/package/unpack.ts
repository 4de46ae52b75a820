import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, type TransformOptions } from "node:stream";
import { crc32, createInflateRaw, type ZlibOptions } from "node:zlib";
import { PluginError } from "../domain/errors.ts";
import type { FilePath } from "../domain/file-path.ts";
import { shownName } from "./entry-name.ts";
import type { PackagePlan } from "./plan.ts";
import type { ZipEntry } from "./zip-entry.ts";

/** Read and inflated in large steps: node's default of 16 KiB takes three times as long for a file of 300 MB. */
const READ_BYTES = 256 * 1024;
const INFLATE_BYTES = 256 * 1024;
/** Inflated in advance, while what was inflated before is hashed and written. */
const INFLATE_AHEAD_BYTES = 1024 * 1024;

/** The kernel is told to write while there is more to unpack, so that the last fsync has little left to wait for. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024;

/** A file that was unpacked for one of the engine's folders. */
export interface UnpackedFile {
  readonly target: FilePath;
  /** The name under which it is staged, and its path. */
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Where unpacked files are kept until the install is final. */
export interface Staging {
  /** A new file on the same volume as `target`. */
  stage(target: FilePath): { readonly name: string; readonly path: string };
  readonly scriptFolder: string;
}

/** The .so of the plan among what was unpacked. */
export function unpackedSo({ soFile }: PackagePlan, files: readonly UnpackedFile[]): UnpackedFile {
  const so = files.find(({ target }) => target.endsWith(`/${soFile.fileName}`));
  if (so === undefined) throw new Error("a plan without a .so");
  return so;
}

/** Told how many bytes are unpacked, of all. */
export interface ByteCounter {
  bytes(done: number, total?: number): void;
}

/**
 * Unpacks every entry as planned. Sizes and checksums are those of the data itself: an entry that yields more than it
 * announced is stopped at that byte. The engine's files are synced when this resolves.
 *
 * @throws PluginError ARCHIVE_INVALID; the signal's reason; the file system's error
 */
export async function unpack(
  zip: FileHandle,
  plan: PackagePlan,
  staging: Staging,
  signal: AbortSignal,
  counter: ByteCounter,
): Promise<UnpackedFile[]> {
  const unpacked: UnpackedFile[] = [];
  const total = plan.files.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
  let done = 0;
  const count = (bytes: number) => {
    done += bytes;
    counter.bytes(done, total);
  };
  if (plan.hasScript) {
    await mkdir(staging.scriptFolder);
    for (const folder of plan.scriptFolders) await mkdir(join(staging.scriptFolder, folder), { recursive: true });
  }
  for (const { entry, place } of plan.files) {
    if (place.kind === "script") {
      // Without a script nobody sees these files. They are read all the same: a damaged zip is refused whole.
      const path = plan.hasScript ? join(staging.scriptFolder, place.path) : undefined;
      if (path !== undefined) await mkdir(dirname(path), { recursive: true });
      await unpackEntry(zip, entry, { path, mode: place.mode, durable: false, count }, signal);
    } else {
      const { name, path } = staging.stage(place.target);
      const sha256 = await unpackEntry(zip, entry, { path, mode: place.mode, durable: true, count }, signal);
      unpacked.push({ target: place.target, name, path, sha256, bytes: entry.uncompressedSize });
    }
  }
  return unpacked;
}

interface Output {
  /** Where to; undefined reads and checks the data and keeps nothing. */
  readonly path: string | undefined;
  readonly mode: number;
  /** Whether the data must survive a power cut. */
  readonly durable: boolean;
  /** Called with the bytes of each piece. */
  readonly count: (bytes: number) => void;
}

async function unpackEntry(zip: FileHandle, entry: ZipEntry, output: Output, signal: AbortSignal): Promise<string> {
  const { path, mode, durable } = output;
  // Exclusive: whatever is there already was not put there by this zip's plan.
  const file = path === undefined ? undefined : await open(path, "wx", mode);
  try {
    await file?.chmod(mode); // open() takes the process's umask into account; the plan does not
    const sha256 = await copyData(zip, entry, file, output, signal);
    if (durable) await file?.sync();
    return sha256;
  } finally {
    await file?.close();
  }
}

async function copyData(
  zip: FileHandle,
  entry: ZipEntry,
  file: FileHandle | undefined,
  { durable, count }: Output,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  let checksum = 0;
  let bytes = 0;
  let unsynced = 0;
  let syncing: Promise<unknown> = Promise.resolve();
  try {
    for await (const chunk of entryData(zip, entry, signal)) {
      bytes += chunk.length;
      if (bytes > entry.uncompressedSize) throw refused(entry, "it has more data than it announces");
      checksum = crc32(chunk, checksum);
      hash.update(chunk);
      count(chunk.length);
      if (file === undefined) continue;
      await writeWhole(file, chunk);
      unsynced += chunk.length;
      if (durable && unsynced >= SYNC_EVERY_BYTES) {
        unsynced = 0;
        await syncing;
        syncing = file.datasync();
        syncing.catch(() => {}); // awaited below; a rejection before that must not end the process
      }
    }
  } finally {
    await syncing;
  }
  if (bytes < entry.uncompressedSize) throw refused(entry, "it has less data than it announces");
  if (checksum !== entry.crc32) {
    throw new PluginError("ARCHIVE_INVALID", `zip: checksum error (${shownName(entry.rawName)})`);
  }
  return hash.digest("hex");
}

async function* entryData(zip: FileHandle, entry: ZipEntry, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (entry.compressedSize === 0) return;
  const packed = packedData(zip, entry, signal);
  if (entry.method === 0) return yield* packed;

  const inflate = createInflateRaw(inflateOptions(entry));
  const source = Readable.from(packed, { objectMode: false, highWaterMark: READ_BYTES });
  source.once("error", (error) => inflate.destroy(error));
  source.pipe(inflate);
  try {
    yield* inflate;
  } catch (cause) {
    if (isZlibError(cause)) throw refused(entry, `its data can't be unpacked (${cause.message})`, cause);
    throw cause;
  } finally {
    source.destroy();
  }
  if (inflate.bytesWritten < entry.compressedSize) throw refused(entry, "there is other data behind its own");
}

/** Node takes a stream's options here too; its types don't say so. */
function inflateOptions({ uncompressedSize }: ZipEntry): ZlibOptions & TransformOptions {
  const chunkSize = Math.min(INFLATE_BYTES, Math.max(uncompressedSize, 64)); // 64 is zlib's least
  return { chunkSize, readableHighWaterMark: INFLATE_AHEAD_BYTES };
}

/** The entry's bytes as they are in the zip. (A stream of the handle would close it.) */
async function* packedData(zip: FileHandle, entry: ZipEntry, signal: AbortSignal): AsyncGenerator<Buffer> {
  let position = entry.dataStart;
  const end = position + entry.compressedSize;
  while (position < end) {
    signal.throwIfAborted();
    const length = Math.min(READ_BYTES, end - position);
    const { buffer, bytesRead } = await zip.read(Buffer.allocUnsafeSlow(length), 0, length, position);
    if (bytesRead === 0) throw refused(entry, "its data ends too early");
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function writeWhole(file: FileHandle, chunk: Buffer): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await file.write(chunk, written, chunk.length - written);
    written += bytesWritten;
  }
}

function isZlibError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && /^(Z_|ERR_ZLIB)/.test(String(error.code));
}

function refused(entry: ZipEntry, objection: string, cause?: unknown): PluginError {
  return new PluginError("ARCHIVE_INVALID", `invalid zip file: ${shownName(entry.rawName)}: ${objection}`, { cause });
}
