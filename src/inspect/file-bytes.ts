import { constants, readSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { hasCode } from "../lib/errors.ts";
import { Pace, Unreadable } from "./pace.ts";

/** Should a FIFO or a terminal take the file's place before it is open, it must neither hang nor become ours. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Small reads share a block: facts lie close together, and a read costs more than its bytes. */
const BLOCK_BYTES = 64 * 1024;
const BLOCKS = 8;
const SMALL_BYTES = 4096;

/**
 * What is read at once, with the first read: in there linkers put nearly all that is asked for, and beside a busy unpacking
 * each read waits longer for its turn than it takes.
 */
const HEAD_BYTES = 2 * 1024 * 1024;

/** How much of a long run of bytes is in memory at once. */
const SLICE_BYTES = 1024 * 1024;
const MAX_OVERLAP = 4096;

/** Reads anywhere in a regular file. Every position is checked against the size that the file had when it was opened. */
export class FileBytes {
  readonly size: number;
  /** For work on the file's bytes that takes long. */
  readonly pace: Pace;
  readonly #handle: FileHandle;
  readonly #blocks = new Map<number, Promise<Buffer>>();
  #head: Promise<Buffer> | undefined;
  /** For slices: a new one would cost more time, for its pages, than what is read into it. */
  #spare: Buffer | undefined;

  readonly #isInMemory: boolean;

  /** @param isInMemory whether the file was written just now, so that no read of it waits for a disk */
  constructor(handle: FileHandle, size: number, pace = new Pace(), isInMemory = false) {
    this.#handle = handle;
    this.#isInMemory = isInMemory;
    this.size = size;
    this.pace = pace;
  }

  /** @throws Unreadable when the file does not have these bytes; what its pace throws */
  async read(start: number, length: number): Promise<Buffer> {
    this.#check(start, length);
    if (this.pace.isDue()) await this.pace.keep();
    if (start + length <= HEAD_BYTES) return (await this.#beginning()).subarray(start, start + length);
    if (length > SMALL_BYTES) return await this.#readDirectly(start, length);
    const first = Math.floor(start / BLOCK_BYTES);
    const last = Math.floor((start + Math.max(length, 1) - 1) / BLOCK_BYTES);
    if (first !== last) return await this.#readDirectly(start, length);
    const block = await this.#block(first);
    const from = start - first * BLOCK_BYTES;
    return block.subarray(from, from + length);
  }

  has(start: number, length: number): boolean {
    return Number.isSafeInteger(start) && start >= 0 && length >= 0 && start + length <= this.size;
  }

  /**
   * Goes through `length` bytes in pieces, each beginning with the last `overlap` bytes of the one before it: what is
   * shorter than that is in one of them as a whole. `overlap` 0 with entries of `step` bytes is for tables. A piece is
   * there until the next one is asked for.
   *
   * @throws Unreadable; what its pace throws
   */
  async *slices(start: number, length: number, { overlap = 0, step = 1 } = {}): AsyncGenerator<Slice> {
    this.#check(start, length);
    const sliceBytes = Math.floor(SLICE_BYTES / step) * step;
    const head = start + length <= HEAD_BYTES ? await this.#beginning() : undefined;
    if (head !== undefined) {
      for (let at = 0; at < length; at += sliceBytes) {
        if (this.pace.isDue()) await this.pace.keep();
        const from = Math.max(0, at - overlap);
        yield { at: from, bytes: head.subarray(start + from, start + Math.min(length, at + sliceBytes)) };
      }
      return;
    }
    const buffer = this.#spare ?? Buffer.allocUnsafeSlow(SLICE_BYTES + MAX_OVERLAP);
    this.#spare = undefined;
    try {
      for (let at = 0; at < length; at += sliceBytes) {
        if (this.pace.isDue()) await this.pace.keep();
        const from = Math.max(0, at - overlap);
        const bytes = buffer.subarray(0, Math.min(length, at + sliceBytes) - from);
        await this.#fill(bytes, start + from);
        yield { at: from, bytes };
      }
    } finally {
      this.#spare = buffer;
    }
  }

  #beginning(): Promise<Buffer> {
    this.#head ??= this.#readDirectly(0, Math.min(HEAD_BYTES, this.size));
    return this.#head;
  }

  #block(index: number): Promise<Buffer> {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const start = index * BLOCK_BYTES;
    const block = this.#readDirectly(start, Math.min(BLOCK_BYTES, this.size - start));
    const oldest = this.#blocks.keys().next();
    if (this.#blocks.size >= BLOCKS && !oldest.done) this.#blocks.delete(oldest.value);
    this.#blocks.set(index, block);
    return block;
  }

  async #readDirectly(start: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    await this.#fill(buffer, start);
    return buffer;
  }

  async #fill(buffer: Buffer, start: number): Promise<void> {
    for (let done = 0; done < buffer.length; ) {
      const length = buffer.length - done;
      // Copying from memory takes less than handing the work to a thread, for which all of them compete here.
      const bytesRead = this.#isInMemory
        ? readSync(this.#handle.fd, buffer, done, length, start + done)
        : (await this.#handle.read(buffer, done, length, start + done)).bytesRead;
      if (bytesRead === 0) throw new Unreadable("it became shorter while it was read");
      done += bytesRead;
    }
  }

  #check(start: number, length: number): void {
    if (!this.has(start, length))
      throw new Unreadable(`it points to bytes ${start} to ${start + length}, outside of it`);
  }
}

export interface Slice {
  /** Where the bytes begin, counted from the beginning of the run. */
  readonly at: number;
  readonly bytes: Buffer;
}

/**
 * Opens a regular file for as long as `use` runs. Nothing else is opened: that alone starts a watchdog, rewinds a tape.
 *
 * @returns undefined, without a call of `use`, when it is a folder, a FIFO, a device or a socket
 * @throws the system's error when it can't be opened
 */
export async function withFile<T>(
  path: string,
  use: (file: FileBytes) => Promise<T>,
  pace: Pace = new Pace(),
  isInMemory = false,
): Promise<T | undefined> {
  if (!(await stat(path)).isFile()) return undefined;
  let handle: FileHandle;
  try {
    handle = await open(path, OPEN_FLAGS);
  } catch (cause) {
    if (hasCode(cause, "ENXIO", "ENODEV")) return undefined; // a socket or a device meanwhile
    throw cause;
  }
  try {
    const stats = await handle.stat();
    return stats.isFile() ? await use(new FileBytes(handle, stats.size, pace, isInMemory)) : undefined;
  } finally {
    await handle.close();
  }
}
