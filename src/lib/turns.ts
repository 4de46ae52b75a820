import { once } from "node:events";
import pLimit from "p-limit";

/** Runs work when it is its turn; who waits can leave. */
export type Turns = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/**
 * One at a time, in the order in which they came.
 *
 * @returns a function that rejects with the signal's reason while the work has not begun; what is begun sees to its
 * own end
 */
export function createTurns(): Turns {
  const limit = pLimit(1);
  return async (work, signal) => {
    const waiting = new AbortController();
    const left = once(signal, "abort", { signal: waiting.signal }).then(
      () => Promise.reject(signal.reason),
      () => turn, // its turn has come
    );
    const turn = limit(async () => {
      waiting.abort();
      signal.throwIfAborted();
      return work();
    });
    return Promise.race([turn, left]);
  };
}
