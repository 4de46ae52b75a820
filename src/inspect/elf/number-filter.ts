const MASK = 0xffff;

/** Says of most numbers that they are not in a set, ten times as fast as the set. For going through large tables. */
export class NumberFilter {
  readonly #seen = new Uint8Array(MASK + 1);

  constructor(numbers: Iterable<number>) {
    for (const number of numbers) this.#seen[number & MASK] = 1;
  }

  /** false is certain. */
  mayHave(number: number): boolean {
    return this.#seen[number & MASK] === 1;
  }
}
