import { constants } from "node:os";
import { CommandFailure } from "../failure.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
export type EndSignal = (typeof SIGNALS)[number];

/** As shells have it: 130 for Ctrl-C. */
export function interrupted(signal: EndSignal, message: string): CommandFailure {
  return new CommandFailure("INTERRUPTED", message, 128 + constants.signals[signal]);
}

/** Takes Ctrl-C and the end of a session while a change runs: what becomes of it is for somebody to decide. */
export class Interrupts implements Disposable {
  readonly #waiting: ((signal: EndSignal) => void)[] = [];
  readonly #came: EndSignal[] = [];
  readonly #onInterrupt: () => void;
  readonly #listeners = SIGNALS.map((signal) => [signal, () => this.#take(signal)] as const);

  /** @param onInterrupt called at once, before the listeners of a progress bar: one that is shown then says "Canceled" */
  constructor(onInterrupt: () => void = () => {}) {
    this.#onInterrupt = onInterrupt;
    for (const [signal, listener] of this.#listeners) process.prependListener(signal, listener);
  }

  /** Resolves with the next signal; called again before that it is the same one. */
  next(): Promise<EndSignal> {
    return new Promise((resolve) => this.#listen(resolve));
  }

  /**
   * What comes first: what the promise resolves to, or a signal. Each call waits for the signal anew, since one promise of it
   * would keep whatever ever came before it in memory.
   */
  async during<T>(promise: Promise<T>): Promise<T | EndSignal> {
    let leave = () => {};
    const signal = new Promise<EndSignal>((resolve) => {
      leave = this.#listen(resolve);
    });
    try {
      return await Promise.race([signal, promise]); // a signal that has come already goes first
    } finally {
      leave();
    }
  }

  /** A signal that is aborted by the next interrupt, or by one that nobody has taken yet, until it is disposed. */
  abortable(): Disposable & { readonly signal: AbortSignal } {
    const controller = new AbortController();
    const leave = this.#listen((signal) => controller.abort(interrupted(signal, "ended before anything was changed")));
    return { signal: controller.signal, [Symbol.dispose]: leave };
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) process.removeListener(signal, listener);
  }

  /** Calls the listener with a signal that nobody has taken yet, else with the next one. @returns leaves it at that */
  #listen(listener: (signal: EndSignal) => void): () => void {
    const came = this.#came.shift();
    if (came === undefined) this.#waiting.push(listener);
    else listener(came);
    return () => {
      const at = this.#waiting.indexOf(listener);
      if (at >= 0) this.#waiting.splice(at, 1);
    };
  }

  #take(signal: EndSignal): void {
    this.#onInterrupt();
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) this.#came.push(signal);
    for (const resolve of waiting) resolve(signal);
  }
}
