import { readSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { hasCode } from "../lib/errors.ts";
import { OPEN_WITHOUT_WAITING } from "../lib/files.ts";

/**
 * A file contradicts itself, or describes more than is worth reading. That does not say whether the engine loads it, so
 * it makes a verdict `unknown`.
 */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}

/** An inspection takes some milliseconds, with a large engine some tenths of a second; the disk may be slow. */
const TIME_LIMIT_MS = 10_000;
/** For how long an inspection may block the event loop. */
const TURN_MS = 15;

/** The time that an inspection has: it yields to the event loop between turns and ends at its limit or when aborted. */
export class TimeBudget {
  readonly #signal: AbortSignal | undefined;
  readonly #limitMs: number;
  readonly #started = performance.now();
  #turnStarted = this.#started;

  constructor(signal?: AbortSignal, limitMs = TIME_LIMIT_MS) {
    this.#signal = signal;
    this.#limitMs = limitMs;
  }

  /** Whether it is time to call `yield`. Cheap enough to be asked once per thousand steps of a loop. */
  shouldYield(): boolean {
    return this.#signal?.aborted === true || performance.now() - this.#turnStarted > TURN_MS;
  }

  /** @throws Unreadable when the time is up; the reason of the signal */
  async yield(): Promise<void> {
    await setImmediate();
    this.#signal?.throwIfAborted();
    this.#turnStarted = performance.now();
    if (this.#turnStarted - this.#started > this.#limitMs) {
      throw new Unreadable(`reading it takes longer than ${this.#limitMs / 1000} seconds`);
    }
  }
}

/** Small reads share a block: what is read lies close together, and a read costs more than its bytes. */
const BLOCK_BYTES = 64 * 1024;
const MAX_BLOCKS = 8;
const SMALL_BYTES = 4096;

/**
 * Read at once, with the first read: linkers put nearly all that is needed in there, and while another zip is unpacked
 * a read waits longer for a thread than it takes.
 */
const HEAD_BYTES = 2 * 1024 * 1024;

/** How much of a long range is in memory at once. */
const SLICE_BYTES = 1024 * 1024;
const MAX_OVERLAP = 4096;

interface Slice {
  /** Where the bytes begin, counted from the beginning of the range. */
  readonly at: number;
  readonly bytes: Buffer;
}

/** Reads anywhere in a regular file. Every position is checked against the size at the time of opening. */
export class FileBytes {
  readonly size: number;
  /** For work on the file's bytes that takes long. */
  readonly budget: TimeBudget;
  readonly #handle: FileHandle;
  readonly #isInMemory: boolean;
  readonly #blocks = new Map<number, Promise<Buffer>>();
  #head: Promise<Buffer> | undefined;
  /** The buffer for slices, reused: allocating its pages takes longer than reading into them. */
  #sliceBuffer: Buffer | undefined;

  /** @param isInMemory whether the file was written just now, so that no read of it waits for a disk */
  constructor(handle: FileHandle, size: number, budget = new TimeBudget(), isInMemory = false) {
    this.size = size;
    this.budget = budget;
    this.#handle = handle;
    this.#isInMemory = isInMemory;
  }

  /** Whether the file has these bytes. */
  has(start: number, length: number): boolean {
    return Number.isSafeInteger(start) && start >= 0 && length >= 0 && start + length <= this.size;
  }

  /** @throws Unreadable when the file does not have these bytes; what its budget throws */
  async read(start: number, length: number): Promise<Buffer> {
    this.#check(start, length);
    if (this.budget.shouldYield()) await this.budget.yield();
    if (start + length <= HEAD_BYTES) return (await this.#readHead()).subarray(start, start + length);
    if (length > SMALL_BYTES) return await this.#readDirectly(start, length);
    const first = Math.floor(start / BLOCK_BYTES);
    const last = Math.floor((start + Math.max(length, 1) - 1) / BLOCK_BYTES);
    if (first !== last) return await this.#readDirectly(start, length);
    const block = await this.#readBlock(first);
    const from = start - first * BLOCK_BYTES;
    return block.subarray(from, from + length);
  }

  /**
   * Reads a range in slices, each beginning with the last `overlap` bytes of the one before, so that whatever is
   * shorter than that is in one of them as a whole. For a table, `step` is the size of its entries and `overlap` is 0.
   * The bytes of a slice are valid until the next one is asked for.
   *
   * @throws Unreadable when the file does not have these bytes; what its budget throws
   */
  async *slices(start: number, length: number, { overlap = 0, step = 1 } = {}): AsyncGenerator<Slice> {
    this.#check(start, length);
    const sliceBytes = Math.floor(SLICE_BYTES / step) * step;
    const head = start + length <= HEAD_BYTES ? await this.#readHead() : undefined;
    const buffer = head ?? this.#takeSliceBuffer();
    try {
      for (let at = 0; at < length; at += sliceBytes) {
        if (this.budget.shouldYield()) await this.budget.yield();
        const from = Math.max(0, at - overlap);
        const end = Math.min(length, at + sliceBytes);
        const bytes = head?.subarray(start + from, start + end) ?? buffer.subarray(0, end - from);
        if (head === undefined) await this.#fill(bytes, start + from);
        yield { at: from, bytes };
      }
    } finally {
      if (head === undefined) this.#sliceBuffer = buffer;
    }
  }

  /** A second range that is read meanwhile gets a buffer of its own. */
  #takeSliceBuffer(): Buffer {
    const buffer = this.#sliceBuffer ?? Buffer.allocUnsafeSlow(SLICE_BYTES + MAX_OVERLAP);
    this.#sliceBuffer = undefined;
    return buffer;
  }

  #readHead(): Promise<Buffer> {
    this.#head ??= this.#readDirectly(0, Math.min(HEAD_BYTES, this.size));
    return this.#head;
  }

  #readBlock(index: number): Promise<Buffer> {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const start = index * BLOCK_BYTES;
    const block = this.#readDirectly(start, Math.min(BLOCK_BYTES, this.size - start));
    const oldest = this.#blocks.keys().next();
    if (this.#blocks.size >= MAX_BLOCKS && !oldest.done) this.#blocks.delete(oldest.value);
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
      // Copying from the page cache takes less time than waiting for one of the threads, which are all busy unpacking.
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

/**
 * Opens a regular file for as long as `use` runs. Nothing else is opened: opening a watchdog starts it.
 *
 * @returns undefined, without a call of `use`, when it is a folder, a FIFO, a device or a socket
 * @throws the system's error when it can't be opened
 */
export async function withFile<T>(
  path: string,
  use: (file: FileBytes) => Promise<T>,
  budget = new TimeBudget(),
  isInMemory = false,
): Promise<T | undefined> {
  if (!(await stat(path)).isFile()) return undefined;
  let handle: FileHandle;
  try {
    handle = await open(path, OPEN_WITHOUT_WAITING);
  } catch (cause) {
    if (hasCode(cause, "ENXIO", "ENODEV")) return undefined; // a socket or a device took its place
    throw cause;
  }
  try {
    const stats = await handle.stat();
    return stats.isFile() ? await use(new FileBytes(handle, stats.size, budget, isInMemory)) : undefined;
  } finally {
    await handle.close();
  }
}
