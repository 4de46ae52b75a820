import { setImmediate } from "node:timers/promises";

/**
 * What a file says about itself can't be, or is more than is worth reading. It tells nothing about whether the
 * file works, so it makes a verdict `unknown`.
 */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}

/** An inspection takes some milliseconds, with a large engine some tenths of a second; the disk may be slow. */
const TIME_LIMIT_MS = 10_000;
/** For how long an inspection may keep the server from everything else. */
const TURN_MS = 15;

/** Lets long work take turns with everything else, and ends it when its time is up or its signal says so. */
export class Pace {
  readonly #signal: AbortSignal | undefined;
  readonly #limitMs: number;
  readonly #started = performance.now();
  #turn = this.#started;

  constructor(signal?: AbortSignal, limitMs = TIME_LIMIT_MS) {
    this.#signal = signal;
    this.#limitMs = limitMs;
  }

  /** Whether it is time to call `keep`. Cheap enough to be asked for every thousand steps of a loop. */
  isDue(): boolean {
    return this.#signal?.aborted === true || performance.now() - this.#turn > TURN_MS;
  }

  /** @throws Unreadable when the time is up; the reason of the signal */
  async keep(): Promise<void> {
    await setImmediate();
    this.#signal?.throwIfAborted();
    this.#turn = performance.now();
    if (this.#turn - this.#started > this.#limitMs) {
      throw new Unreadable(`reading it takes longer than ${this.#limitMs / 1000} seconds`);
    }
  }
}
