import pLimit from "p-limit";

/** Work that must not overlap: one caller at a time has the turn, in the order in which they came. */
export class Turns {
  readonly #limit = pLimit(1);

  /**
   * Waits for the turn, which is over when it is disposed.
   *
   * @throws the signal's reason while it waits
   */
  enter(signal: AbortSignal): Promise<Disposable> {
    return new Promise((resolve, reject) => {
      const leave = () => reject(signal.reason);
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave, { once: true });
      void this.#limit(
        () =>
          new Promise<void>((end) => {
            signal.removeEventListener("abort", leave);
            if (signal.aborted) end();
            else resolve({ [Symbol.dispose]: end });
          }),
      );
    });
  }
}
