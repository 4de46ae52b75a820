import { PluginError } from "../../domain/errors.ts";

export interface ChangeQueueOptions {
  /** Changes that run at once. */
  readonly maxConcurrent: number;
  /** Changes that wait for their turn; further ones are refused. */
  readonly maxQueued: number;
}

/** A change that waits for its turn. */
interface Order {
  readonly begin: () => void;
  readonly refuse: (reason: unknown) => void;
}

/** The changes of one key. */
interface Line {
  readonly key: string;
  readonly waiting: Set<Order>;
  running: boolean;
}

/**
 * Puts changes in order: those of one plugin run one after the other, in the order in which they came; those of
 * different plugins side by side, up to a limit.
 */
export class ChangeQueue {
  readonly #options: ChangeQueueOptions;
  readonly #lines = new Map<string, Line>();
  /** Lines that wait for nothing but a free place, the first one first. */
  readonly #ready = new Set<Line>();
  readonly #running = new Set<AbortController>();
  readonly #whenIdle: (() => void)[] = [];
  #taken = 0;
  #waiting = 0;
  #closed = false;

  constructor(options: ChangeQueueOptions) {
    this.#options = options;
  }

  /**
   * Runs `work` when it is its turn. Its signal fires when the server can wait no longer, and when the caller's does.
   *
   * @param key what the change is about: changes with the same key never overlap
   * @param caller fires when the change is not wanted any more: while it waits, it leaves the queue at once
   * @throws PluginError TOO_BUSY at once, SHUTTING_DOWN at once or while it waits; the reason of the caller's signal
   * while it waits; what `work` throws
   */
  async run<T>(key: string, work: (signal: AbortSignal) => Promise<T>, caller?: AbortSignal): Promise<T> {
    this.#refuseLate(caller);
    if (this.#mustWait(key) && this.#waiting >= this.#options.maxQueued) {
      throw new PluginError("TOO_BUSY", "too many plugins are being changed at the moment; try again later");
    }
    const line = this.#lines.get(key) ?? { key, waiting: new Set(), running: false };
    await this.#turn(line, caller);
    try {
      this.#refuseLate(caller); // it had its turn, and what called for it may have ended before this line
      return await this.#stoppable(work, caller);
    } finally {
      this.#end(line);
    }
  }

  /**
   * Refuses what has not begun and waits for what has. After `timeoutMs` the running work is told to stop, which
   * undoes it; this resolves when the last one has.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    for (const { waiting } of this.#lines.values()) for (const order of waiting) order.refuse(shuttingDown());
    if (this.#taken === 0) return;
    const timer = setTimeout(() => this.abort(), timeoutMs);
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    clearTimeout(timer);
  }

  /** Tells the running work to stop now. */
  abort(): void {
    for (const stop of this.#running) stop.abort(shuttingDown());
  }

  #refuseLate(caller: AbortSignal | undefined): void {
    if (this.#closed) throw shuttingDown();
    caller?.throwIfAborted();
  }

  #mustWait(key: string): boolean {
    return this.#lines.get(key)?.running === true || this.#taken >= this.#options.maxConcurrent;
  }

  /** Resolves when the change has a place, which is its own from that moment on. */
  async #turn(line: Line, caller: AbortSignal | undefined): Promise<void> {
    let cancel = () => {};
    const turn = new Promise<void>((resolve, reject) => {
      const refuse = (reason: unknown) => {
        this.#leave(line, order);
        reject(reason);
      };
      const order: Order = { begin: resolve, refuse };
      cancel = () => refuse(caller?.reason);
      this.#enter(line, order);
    });
    caller?.addEventListener("abort", cancel);
    try {
      await turn;
    } finally {
      caller?.removeEventListener("abort", cancel);
    }
  }

  #enter(line: Line, order: Order): void {
    this.#lines.set(line.key, line);
    line.waiting.add(order);
    this.#waiting += 1;
    this.#arrange(line);
    this.#advance();
  }

  /** Calling it again changes nothing: who has had a turn may still be told to leave. */
  #leave(line: Line, order: Order): void {
    if (!line.waiting.delete(order)) return;
    this.#waiting -= 1;
    this.#arrange(line);
  }

  #advance(): void {
    for (const line of this.#ready) {
      if (this.#taken >= this.#options.maxConcurrent) return;
      const [order] = line.waiting;
      if (order === undefined) continue; // never: a line is ready while something waits in it
      line.running = true;
      this.#taken += 1;
      this.#leave(line, order);
      order.begin();
    }
  }

  #end(line: Line): void {
    line.running = false;
    this.#taken -= 1;
    this.#arrange(line);
    this.#advance();
    if (this.#taken === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Puts a line where it belongs: among those that are ready, or out of the way. */
  #arrange(line: Line): void {
    if (!line.running && line.waiting.size > 0) this.#ready.add(line);
    else this.#ready.delete(line);
    if (!line.running && line.waiting.size === 0) this.#lines.delete(line.key);
  }

  async #stoppable<T>(work: (signal: AbortSignal) => Promise<T>, caller: AbortSignal | undefined): Promise<T> {
    const stop = new AbortController();
    const cancel = () => stop.abort(caller?.reason);
    caller?.addEventListener("abort", cancel);
    this.#running.add(stop);
    try {
      return await work(stop.signal);
    } finally {
      this.#running.delete(stop);
      caller?.removeEventListener("abort", cancel);
    }
  }
}

function shuttingDown(): PluginError {
  return new PluginError("SHUTTING_DOWN", "the server is shutting down; try again when it is back");
}
