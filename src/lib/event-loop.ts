import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit from "p-limit";

/**
 * Runs work that keeps the event loop busy, in the order in which it came, each in a turn of the event loop of its own:
 * others are answered between two of them.
 */
export class LoopTurns {
  readonly #limit = pLimit(1);

  run<T>(work: () => T): Promise<T> {
    return this.#limit(async () => {
      await nextTurn();
      return work();
    });
  }
}

/** For long loops: lets others have the event loop every so many milliseconds. */
export class Breather {
  readonly #everyMs: number;
  #last = performance.now();

  constructor(everyMs = 10) {
    this.#everyMs = everyMs;
  }

  /** To be called, and awaited if it returns a promise, in each round. */
  breathe(): Promise<void> | undefined {
    if (performance.now() - this.#last < this.#everyMs) return undefined;
    return nextTurn().then(() => {
      this.#last = performance.now();
    });
  }
}
