import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline, type TransformOptions } from "node:stream";
import { crc32, createInflateRaw, type ZlibOptions } from "node:zlib";
import type { FilePath } from "../domain/plugin.ts";
import { syncFiles } from "../lib/durable.ts";
import { hasCode } from "../lib/errors.ts";
import { Breather } from "../lib/event-loop.ts";
import type { PackagePlan } from "./plan.ts";
import { pathOnDisk } from "./raw-path.ts";
import { archiveError, quotedName, refusedEntry } from "./refusal.ts";
import type { ZipEntry } from "./zip-entry.ts";

/** Large steps: with node's default of 16 KiB a file of 300 MB takes three times as long. */
const READ_BYTES = 256 * 1024;
const INFLATE_BYTES = 256 * 1024;
/** Inflated in advance, while earlier data is hashed and written. */
const INFLATE_AHEAD_BYTES = 1024 * 1024;
const MIN_ZLIB_CHUNK = 64;

/** Data goes to the disk while there is more to unpack, so that the last sync has little left to wait for. */
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

/** Receives how many bytes are unpacked, of all. */
interface ByteCounter {
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
  plan: Pick<PackagePlan, "files" | "hasScript" | "scriptFolders">,
  staging: Staging,
  signal: AbortSignal,
  counter: ByteCounter,
): Promise<UnpackedFile[]> {
  const total = plan.files.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
  let done = 0;
  const count = (bytes: number) => {
    done += bytes;
    counter.bytes(done, total);
  };
  if (plan.hasScript) {
    await mkdir(staging.scriptFolder);
    for (const folder of plan.scriptFolders) await mkdir(pathOnDisk(staging.scriptFolder, folder), { recursive: true });
  }

  const unpacked: UnpackedFile[] = [];
  const breather = new Breather(); // entries without data, for example, never wait for anything
  for (const { entry, place } of plan.files) {
    signal.throwIfAborted();
    await breather.breathe();
    const data = entryData(zip, entry, signal);
    if (place.kind === "engine") {
      const { name, path } = staging.stage(place.target);
      await using file = await NewFile.create(path, place.mode, { syncEveryBytes: SYNC_EVERY_BYTES });
      const sha256 = await copyChecked(entry, data, file, count);
      await file.written();
      unpacked.push({ target: place.target, name, path, sha256, bytes: entry.uncompressedSize });
    } else if (place.kind === "script" && plan.hasScript) {
      await using file = await createScriptFile(staging.scriptFolder, entry, place);
      await copyChecked(entry, data, file, count);
    } else {
      // Nothing uses this file without a script. It is read all the same: a damaged zip is refused as a whole.
      await copyChecked(entry, data, undefined, count);
    }
  }
  signal.throwIfAborted();
  await syncFiles(unpacked.map(({ path }) => path));
  return unpacked;
}

/** @throws PluginError ARCHIVE_INVALID on a file system where the name is taken by another entry's */
async function createScriptFile(
  scriptFolder: string,
  entry: ZipEntry,
  { path, mode }: { readonly path: string; readonly mode: number },
): Promise<NewFile> {
  try {
    await mkdir(pathOnDisk(scriptFolder, dirname(path)), { recursive: true });
    return await NewFile.create(pathOnDisk(scriptFolder, path), mode);
  } catch (cause) {
    if (!hasCode(cause, "EEXIST", "ENOTDIR", "EISDIR")) throw cause;
    throw refusedEntry(entry, "its name differs from another's in a way that this file system ignores", cause);
  }
}

/** The .so of the plan among what was unpacked. */
export function unpackedSo({ soFile }: PackagePlan, files: readonly UnpackedFile[]): UnpackedFile {
  const so = files.find(({ target }) => target.endsWith(`/${soFile.fileName}`));
  if (so === undefined) throw new Error("a plan without a .so");
  return so;
}

/** A file that did not exist before. Only what was synced survives a power cut. */
class NewFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #syncEveryBytes: number;
  #unsynced = 0;
  #syncing: Promise<void> = Promise.resolve();

  private constructor(handle: FileHandle, syncEveryBytes: number) {
    this.#handle = handle;
    this.#syncEveryBytes = syncEveryBytes;
  }

  static async create(
    path: string | Buffer,
    mode: number,
    { syncEveryBytes = Number.POSITIVE_INFINITY }: { readonly syncEveryBytes?: number } = {},
  ): Promise<NewFile> {
    // Exclusive: whatever is there already was not put there by this zip's plan.
    const handle = await open(path, "wx", mode);
    try {
      await handle.chmod(mode); // open() applies the process's umask
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new NewFile(handle, syncEveryBytes);
  }

  async write(chunk: Buffer): Promise<void> {
    await this.#handle.writeFile(chunk); // appends, and writes all of it
    this.#unsynced += chunk.length;
    if (this.#unsynced < this.#syncEveryBytes) return;
    this.#unsynced = 0;
    await this.#syncing;
    this.#syncing = this.#handle.datasync();
    this.#syncing.catch(() => {}); // thrown by the next await of it
  }

  /** Resolves when no sync is in progress. @throws what the last one failed with */
  async written(): Promise<void> {
    await this.#syncing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#syncing.catch(() => {});
    await this.#handle.close();
  }
}

/**
 * Copies an entry's data to a file, or nowhere, and compares it with what the entry announces.
 *
 * @returns the SHA-256 in hexadecimal
 */
async function copyChecked(
  entry: ZipEntry,
  data: AsyncIterable<Buffer>,
  file: NewFile | undefined,
  count: (bytes: number) => void,
): Promise<string> {
  const hash = createHash("sha256");
  let checksum = 0;
  let bytes = 0;
  for await (const chunk of data) {
    bytes += chunk.length;
    if (bytes > entry.uncompressedSize) throw refusedEntry(entry, "it has more data than it announces");
    checksum = crc32(chunk, checksum);
    hash.update(chunk);
    count(chunk.length);
    await file?.write(chunk);
  }
  if (bytes < entry.uncompressedSize) throw refusedEntry(entry, "it has less data than it announces");
  if (checksum !== entry.crc32) throw archiveError(`zip: checksum error (${quotedName(entry.rawName)})`);
  return hash.digest("hex");
}

/** An entry's data, unpacked. */
async function* entryData(zip: FileHandle, entry: ZipEntry, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (entry.compressedSize === 0) return;
  const packed = packedData(zip, entry, signal);
  if (entry.method === 0) return yield* packed;

  const inflate = createInflateRaw(inflateOptions(entry));
  pipeline(packed, inflate, () => {}); // an error of `packed` ends the loop below through `inflate`
  try {
    yield* inflate;
  } catch (cause) {
    if (isZlibError(cause)) throw refusedEntry(entry, `its data can't be unpacked (${cause.message})`, cause);
    throw cause;
  }
  if (inflate.bytesWritten < entry.compressedSize) throw refusedEntry(entry, "there is other data behind its own");
}

/** Node takes a stream's options here too; its types don't say so. */
function inflateOptions({ uncompressedSize }: ZipEntry): ZlibOptions & TransformOptions {
  const chunkSize = Math.min(INFLATE_BYTES, Math.max(uncompressedSize, MIN_ZLIB_CHUNK));
  return { chunkSize, readableHighWaterMark: INFLATE_AHEAD_BYTES, writableHighWaterMark: 2 * READ_BYTES };
}

/** An entry's bytes as they are in the zip. (A stream of the handle would close it.) */
async function* packedData(zip: FileHandle, entry: ZipEntry, signal: AbortSignal): AsyncGenerator<Buffer> {
  let position = entry.dataStart;
  const end = position + entry.compressedSize;
  while (position < end) {
    signal.throwIfAborted();
    const length = Math.min(READ_BYTES, end - position);
    const { buffer, bytesRead } = await zip.read(Buffer.allocUnsafeSlow(length), 0, length, position);
    if (bytesRead === 0) throw refusedEntry(entry, "its data ends too early");
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

function isZlibError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && /^(Z_|ERR_ZLIB)/.test(String(error.code));
}
