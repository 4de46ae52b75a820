import { PluginError } from "../../domain/errors.ts";
import { LinkedSignal } from "../../lib/signals.ts";

export interface ChangeQueueOptions {
  /** Changes in progress at once. */
  readonly maxConcurrent: number;
  /** Changes that wait; further ones are refused. */
  readonly maxQueued: number;
  /** What all that wait may hold in memory; further ones are refused. */
  readonly maxQueuedBytes: number;
}

/** A change's place among those in progress. Dispose it when the change has ended, and the next one begins. */
interface Place extends Disposable {
  /** Fires when the change has to stop: its caller does not want it any more, or the server can wait no longer. */
  readonly signal: AbortSignal;
}

/** A change that waits for a place. */
interface Waiter {
  readonly bytes: number;
  readonly begin: () => void;
  readonly refuse: (reason: unknown) => void;
}

/** A symbol for work that changes no plugin. */
type Key = string | symbol;

/** The changes of one key. */
interface Line {
  readonly key: Key;
  readonly waiting: Set<Waiter>;
  running: boolean;
}

/**
 * Puts changes in order: those of one plugin run one after the other, in the order in which they came; those of
 * different plugins side by side, up to a limit. p-limit has neither keys, nor a bound on those that wait, nor a way
 * out for one of them.
 */
export class ChangeQueue {
  readonly #options: ChangeQueueOptions;
  readonly #lines = new Map<Key, Line>();
  /** Lines that need nothing but a free place, the first one first. */
  readonly #ready = new Set<Line>();
  readonly #running = new Map<LinkedSignal, Line>();
  readonly #whenIdle: (() => void)[] = [];
  #taken = 0;
  #waiting = 0;
  #waitingBytes = 0;
  #closed = false;

  constructor(options: ChangeQueueOptions) {
    this.#options = options;
  }

  /** What is in progress, what waits, and what that holds in memory. */
  get load(): { readonly running: number; readonly waiting: number; readonly waitingBytes: number } {
    return { running: this.#taken, waiting: this.#waiting, waitingBytes: this.#waitingBytes };
  }

  /**
   * Waits for a place.
   *
   * @param key what the change is about: changes with the same key never overlap. Undefined for work that is no change
   * of a plugin, but takes as much
   * @param bytes what it holds in memory while it waits
   * @param caller fires when the change is not wanted any more: one that waits leaves the queue at once
   * @throws PluginError TOO_BUSY at once, SHUTTING_DOWN at once or while it waits; the reason of the caller's signal
   * while it waits
   */
  async enter(key: string | undefined, caller?: AbortSignal, bytes = 0): Promise<Place> {
    const line = this.#lineOf(key ?? Symbol("no key"));
    this.#refuseLate(caller);
    if (this.#mustWait(line)) this.#refuseTooMuch(bytes);
    await this.#turn(line, caller, bytes);
    try {
      this.#refuseLate(caller); // the caller's signal may have fired between the turn and this line
    } catch (error) {
      this.#end(line);
      throw error;
    }
    return this.#placeIn(line, caller);
  }

  /**
   * Refuses what has not begun and waits for the changes in progress; work that is no change is told to stop at once.
   * After `timeoutMs` the changes are told to stop too, which undoes them. Resolves when the last one has ended.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    for (const { waiting } of this.#lines.values()) for (const waiter of waiting) waiter.refuse(shuttingDown());
    for (const [stop, { key }] of this.#running) if (typeof key === "symbol") stop.abort(shuttingDown());
    if (this.#taken === 0) return;
    const timer = setTimeout(() => this.abort(), timeoutMs);
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    clearTimeout(timer);
  }

  /** Tells the changes in progress to stop now. */
  abort(): void {
    for (const stop of this.#running.keys()) stop.abort(shuttingDown());
  }

  #lineOf(key: Key): Line {
    return this.#lines.get(key) ?? { key, waiting: new Set(), running: false };
  }

  #refuseLate(caller: AbortSignal | undefined): void {
    if (this.#closed) throw shuttingDown();
    caller?.throwIfAborted();
  }

  #refuseTooMuch(bytes: number): void {
    const { maxQueued, maxQueuedBytes } = this.#options;
    if (this.#waiting >= maxQueued) {
      throw new PluginError("TOO_BUSY", "too many plugins are being changed at the moment; try again later");
    }
    if (this.#waitingBytes + bytes <= maxQueuedBytes) return;
    const held = "the requests that wait for their turn would hold more bytes than";
    throw new PluginError("TOO_BUSY", `${held} changes.maxQueuedBytes (${maxQueuedBytes}) allows; try again later`);
  }

  #mustWait(line: Line): boolean {
    return line.running || this.#taken >= this.#options.maxConcurrent;
  }

  /** Resolves when the change has a place, which is its own from that moment on. */
  async #turn(line: Line, caller: AbortSignal | undefined, bytes: number): Promise<void> {
    let cancel = () => {};
    const turn = new Promise<void>((resolve, reject) => {
      const refuse = (reason: unknown) => {
        this.#leave(line, waiter);
        reject(reason);
      };
      const waiter: Waiter = { bytes, begin: resolve, refuse };
      cancel = () => refuse(caller?.reason);
      this.#join(line, waiter);
    });
    caller?.addEventListener("abort", cancel);
    try {
      await turn;
    } finally {
      caller?.removeEventListener("abort", cancel);
    }
  }

  #placeIn(line: Line, caller: AbortSignal | undefined): Place {
    const stop = new LinkedSignal(caller);
    this.#running.set(stop, line);
    return {
      signal: stop.signal,
      [Symbol.dispose]: () => {
        if (!this.#running.delete(stop)) return;
        stop[Symbol.dispose]();
        this.#end(line);
      },
    };
  }

  #join(line: Line, waiter: Waiter): void {
    this.#lines.set(line.key, line);
    line.waiting.add(waiter);
    this.#waiting += 1;
    this.#waitingBytes += waiter.bytes;
    this.#arrange(line);
    this.#advance();
  }

  /** Calling it again changes nothing: one that has had its turn may still be told to leave. */
  #leave(line: Line, waiter: Waiter): void {
    if (!line.waiting.delete(waiter)) return;
    this.#waiting -= 1;
    this.#waitingBytes -= waiter.bytes;
    this.#arrange(line);
  }

  #advance(): void {
    for (const line of this.#ready) {
      if (this.#taken >= this.#options.maxConcurrent) return;
      const [waiter] = line.waiting;
      if (waiter === undefined) continue; // never: a line is ready while something waits in it
      line.running = true;
      this.#taken += 1;
      this.#leave(line, waiter);
      waiter.begin();
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
}

function shuttingDown(): PluginError {
  return new PluginError("SHUTTING_DOWN", "the server is shutting down; try again when it is back");
}
