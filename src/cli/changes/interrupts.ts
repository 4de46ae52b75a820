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
  readonly #listeners = SIGNALS.map((signal) => [signal, () => this.#take(signal)] as const);

  constructor() {
    // Before the listeners of the progress bar, which would print a word of its own.
    for (const [signal, listener] of this.#listeners) process.prependListener(signal, listener);
  }

  /** Resolves with the next signal; called again before that it is the same one. */
  next(): Promise<EndSignal> {
    const came = this.#came.shift();
    if (came !== undefined) return Promise.resolve(came);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** A signal that is aborted by the next interrupt. */
  abortable(): { readonly signal: AbortSignal; leave(): void } {
    const controller = new AbortController();
    const listener = (signal: EndSignal) => controller.abort(interrupted(signal, "ended before anything was changed"));
    this.#waiting.push(listener);
    return {
      signal: controller.signal,
      leave: () => {
        const at = this.#waiting.indexOf(listener);
        if (at >= 0) this.#waiting.splice(at, 1);
      },
    };
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) process.removeListener(signal, listener);
  }

  #take(signal: EndSignal): void {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) this.#came.push(signal);
    for (const resolve of waiting) resolve(signal);
  }
}
