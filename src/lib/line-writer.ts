import { writeSync } from "node:fs";
import { hasCode } from "./errors.ts";

export interface LineWriterOptions {
  /** How much of what can't be written is kept until it can; further lines are dropped, and counted. */
  readonly maxBytes: number;
  /** A write that failed, such as for a full disk. The line is kept, or counted. */
  readonly onError?: (error: Error) => void;
  /** Called for each line that is dropped. */
  readonly onDrop?: () => void;
  /** Called once all that was kept is written: so many lines were dropped before that. */
  readonly onDropped?: (lines: number) => void;
}

/** Milliseconds until what was kept is tried again; doubled while nothing can be written. */
const RETRY_MS = { first: 10, most: 1000 };

/** At the end of the process: milliseconds for a reader to take anything more, and to take it all. */
const END_MS = { idle: 250, total: 2000, step: 10 };

/**
 * Writes lines to a descriptor, each before the call returns: or else the last ones before the end of the process come
 * in any order, or not at all. Where the descriptor does not block (see `openStdout`, `openLineFile`), a reader that
 * has stalled holds up nothing: what it does not take is kept, up to a limit, and tried again.
 */
export class LineWriter {
  readonly #descriptor: number;
  readonly #options: LineWriterOptions;
  readonly #onExit = () => this.#finish();
  /** Begins with what is left of a line where the reader took only a part of it. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #dropped = 0;
  #isFull = false;
  #retryMs = RETRY_MS.first;
  #retry: NodeJS.Timeout | undefined;

  constructor(descriptor: number, options: LineWriterOptions) {
    this.#descriptor = descriptor;
    this.#options = options;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#kept.length === 0) {
      this.#keep(bytes);
      this.#flush(true);
      return;
    }
    if (this.#keptBytes + bytes.length > this.#options.maxBytes) this.#drop();
    else this.#keep(bytes);
    // A full pipe is left to the timer; any other failure is reported for each line.
    if (!this.#isFull) this.#flush(true);
  }

  /** Writes what the reader takes at once. (pino calls it before the end of the process.) */
  flushSync(): void {
    this.#flush(true);
  }

  #drop(): void {
    this.#dropped += 1;
    this.#options.onDrop?.();
  }

  #keep(bytes: Buffer): void {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
  }

  /** @returns whether anything was written */
  #flush(isReported: boolean): boolean {
    if (this.#kept.length === 0) return false;
    let rest = this.#kept.length === 1 ? (this.#kept[0] as Buffer) : Buffer.concat(this.#kept);
    const before = rest.length;
    this.#isFull = false;
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#descriptor, rest));
    } catch (error) {
      this.#isFull = hasCode(error, "EAGAIN");
      if (!this.#isFull && isReported) this.#options.onError?.(error as Error);
    }
    this.#kept = rest.length === 0 ? [] : [rest];
    this.#keptBytes = rest.length;
    if (rest.length > 0) {
      if (rest.length < before) this.#retryMs = RETRY_MS.first;
      if (this.#retry === undefined) this.#retryLater();
    } else this.#drained();
    return rest.length < before;
  }

  #retryLater(): void {
    if (this.#retry === undefined) process.once("exit", this.#onExit);
    this.#retry = setTimeout(() => {
      this.#flush(false);
      if (this.#kept.length === 0) return;
      this.#retryLater();
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.most);
    }, this.#retryMs).unref();
  }

  #drained(): void {
    clearTimeout(this.#retry);
    if (this.#retry !== undefined) process.off("exit", this.#onExit);
    this.#retry = undefined;
    this.#retryMs = RETRY_MS.first;
    if (this.#dropped === 0) return;
    const lines = this.#dropped;
    this.#dropped = 0;
    this.#options.onDropped?.(lines);
  }

  /** Gives a reader that still reads a little time; one that has stalled must not keep the process alive. */
  #finish(): void {
    const end = performance.now() + END_MS.total;
    let idleEnd = performance.now() + END_MS.idle;
    while (this.#kept.length > 0) {
      if (this.#flush(false)) idleEnd = performance.now() + END_MS.idle;
      if (!this.#isFull || performance.now() > Math.min(end, idleEnd)) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, END_MS.step);
    }
  }
}
