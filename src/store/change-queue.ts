import pLimit from "p-limit";
import { PluginError } from "../domain/errors.ts";

export interface ChangeQueueOptions {
  /** Changes that run at once. */
  readonly maxConcurrent: number;
  /** Changes that wait for their turn; further ones are refused. */
  readonly maxQueued: number;
}

/**
 * Puts changes in order: those of one plugin run one after the other, in the order in which they came; those of
 * different plugins side by side, up to a limit.
 */
export class ChangeQueue {
  readonly #maxQueued: number;
  readonly #slots: ReturnType<typeof pLimit>;
  readonly #lastOf = new Map<string, Promise<unknown>>();
  readonly #abort = new AbortController();
  #pending = 0;
  #closed = false;

  constructor({ maxConcurrent, maxQueued }: ChangeQueueOptions) {
    this.#maxQueued = maxQueued;
    this.#slots = pLimit(maxConcurrent);
  }

  /**
   * Runs `work` when it is its turn. The signal fires when the server can wait no longer.
   *
   * @param key what the change is about: changes with the same key never overlap
   * @throws PluginError TOO_BUSY at once, SHUTTING_DOWN at once or when its turn comes; what `work` throws
   */
  async run<T>(key: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closed) throw shuttingDown();
    if (this.#mustWait(key) && this.#waiting >= this.#maxQueued) {
      throw new PluginError("TOO_BUSY", "too many plugins are being changed at the moment; try again later");
    }
    this.#pending += 1;
    const before = this.#lastOf.get(key) ?? Promise.resolve();
    const result = before.then(() => this.#slots(() => this.#start(work)));
    const settled = result.catch(() => {});
    this.#lastOf.set(key, settled);
    try {
      return await result;
    } finally {
      this.#pending -= 1;
      if (this.#lastOf.get(key) === settled) this.#lastOf.delete(key);
    }
  }

  /**
   * Refuses what has not begun and waits for what has. After `timeoutMs` the running work is told to stop, which
   * undoes it; this resolves when the last one has.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    const timer = setTimeout(() => this.abort(), timeoutMs);
    await Promise.all(this.#lastOf.values());
    clearTimeout(timer);
  }

  /** Tells the running work to stop now. */
  abort(): void {
    this.#abort.abort(shuttingDown());
  }

  async #start<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closed) throw shuttingDown();
    return work(this.#abort.signal);
  }

  #mustWait(key: string): boolean {
    return this.#lastOf.has(key) || this.#lastOf.size >= this.#slots.concurrency;
  }

  /** Counted from what was ordered, not from what has begun: many orders can come in one turn of the event loop. */
  get #waiting(): number {
    return this.#pending - Math.min(this.#lastOf.size, this.#slots.concurrency);
  }
}

function shuttingDown(): PluginError {
  return new PluginError("SHUTTING_DOWN", "the server is shutting down; try again when it is back");
}
