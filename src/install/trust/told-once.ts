import type { Log } from "../../domain/log.ts";

/** Warns of what stays as it is only once, however often it is looked at. */
export class ToldOnce {
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** The warnings of one look, which is to be ended. What it did not find is told again when it comes back. */
  begin(): { warn(facts: object, message: string): void; end(): void } {
    const seen = new Set<string>();
    return {
      warn: (facts, message) => {
        const key = JSON.stringify([facts, message]);
        if (!this.#told.has(key)) this.#log.warn(facts, message);
        this.#told.add(key);
        seen.add(key);
      },
      end: () => {
        for (const key of this.#told) if (!seen.has(key)) this.#told.delete(key);
      },
    };
  }
}
