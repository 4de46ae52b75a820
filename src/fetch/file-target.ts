import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { storageFailure } from "../domain/storage-error.ts";
import type { SizeLimit } from "../lib/limits.ts";

/** Two buffers of this size are all that is held of a file, however large it is. */
const BUFFER_BYTES = 512 * 1024;
/** Enough for small plugins; also where a length turns out to be that of compressed data. */
const MIN_BUFFER_BYTES = 64 * 1024;

/** The bytes and the SHA-256 (hex) of a file that was filled. */
export interface Filled {
  readonly sha256: string;
  readonly bytes: number;
}

/** A file that is filled from its start with what comes from outside, hashed on the way and never over the limit. */
export class FileTarget {
  readonly limit: SizeLimit;
  readonly #handle: FileHandle;
  readonly #file: string;
  #hash: Hash = createHash("sha256");
  #bytes = 0;
  #written = 0;
  #bufferBytes = BUFFER_BYTES;
  #filling: Buffer | undefined;
  #spare: Buffer | undefined;
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(handle: FileHandle, file: string, limit: SizeLimit) {
    this.#handle = handle;
    this.#file = file;
    this.limit = limit;
  }

  /**
   * Makes the file, with mode 0600. From here on, what can't be stored is PluginError STORAGE_FULL or STORAGE_FAILED.
   *
   * @throws PluginError, also when `file` is there already
   */
  static async create(file: string, limit: SizeLimit): Promise<FileTarget> {
    try {
      return new FileTarget(await open(file, "wx", 0o600), file, limit);
    } catch (cause) {
      throw storageFailure(cause);
    }
  }

  /** How many bytes were written; not all of them need be on the disk yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws the limit's error when the whole, whose size is known before it is read, would be over it */
  expect(bytes: number): void {
    if (bytes > this.limit.bytes) throw this.limit.exceeded(bytes);
    if (this.#filling === undefined && bytes > 0)
      this.#bufferBytes = Math.min(BUFFER_BYTES, Math.max(MIN_BUFFER_BYTES, bytes));
  }

  /**
   * Appends. The bytes are copied, so `chunk` may be used again at once.
   *
   * @throws the limit's error
   */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#bytes + chunk.length > this.limit.bytes) throw this.limit.exceeded();
    this.#bytes += chunk.length;
    for (let from = 0; from < chunk.length; ) {
      this.#filling ??= Buffer.allocUnsafeSlow(this.#bufferBytes);
      const part = chunk.subarray(from, from + this.#filling.length - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.length;
      from += part.length;
      if (this.#filled === this.#filling.length) await this.#flush();
    }
  }

  /** Back to an empty file. */
  async restart(): Promise<void> {
    await this.#settled();
    try {
      await this.#handle.truncate(0);
    } catch (cause) {
      throw storageFailure(cause);
    }
    this.#hash = createHash("sha256");
    this.#bytes = 0;
    this.#written = 0;
    this.#filled = 0;
    this.#filling = undefined;
    this.#spare = undefined;
    this.#bufferBytes = BUFFER_BYTES;
  }

  /** Writes what is left and closes the file. */
  async finish(): Promise<Filled> {
    await this.#flush();
    await this.#settled();
    try {
      await this.#handle.close(); // some network file systems report only here that they are full
    } catch (cause) {
      throw storageFailure(cause);
    }
    return { sha256: this.#hash.digest("hex"), bytes: this.#bytes };
  }

  /** Closes and removes the file. Never throws: it follows a failure, which is the one to report. */
  async discard(): Promise<void> {
    await this.#writing.catch(() => {});
    await this.#handle.close().catch(() => {});
    await rm(this.#file, { force: true }).catch(() => {});
  }

  /** Hands one buffer to the disk and hashes it while the disk is busy; the other one is filled meanwhile. */
  async #flush(): Promise<void> {
    await this.#settled();
    if (this.#filling === undefined || this.#filled === 0) return;
    const full = this.#filling.subarray(0, this.#filled);
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#filled = 0;
    this.#writing = this.#writeAll(full, this.#written);
    this.#writing.catch(() => {}); // reported by whoever waits for it next
    this.#written += full.length;
    this.#hash.update(full);
  }

  async #settled(): Promise<void> {
    try {
      await this.#writing;
    } catch (cause) {
      throw storageFailure(cause);
    }
  }

  /** A disk that fills up takes a part first, and says so only when the rest is tried. */
  async #writeAll(buffer: Uint8Array, position: number): Promise<void> {
    for (let from = 0; from < buffer.length; ) {
      const { bytesWritten } = await this.#handle.write(buffer, from, buffer.length - from, position + from);
      from += bytesWritten;
    }
  }
}
