/**
 * The bytes of the files that clients sent and that are not done with, whether they still arrive, wait or are used:
 * a long queue of changes must not fill the disk.
 */
export class HeldBytes {
  readonly #max: number;
  readonly #exceeded: () => Error;
  readonly #files = new Map<string, number>();
  #total = 0;

  constructor(max: number, exceeded: () => Error) {
    this.#max = max;
    this.#exceeded = exceeded;
  }

  /** @throws `exceeded()` where all files together would have more than the maximum; nothing is added then */
  add(file: string, bytes: number): void {
    if (this.#total + bytes > this.#max) throw this.#exceeded();
    this.#total += bytes;
    this.#files.set(file, (this.#files.get(file) ?? 0) + bytes);
  }

  release(file: string): void {
    this.#total -= this.#files.get(file) ?? 0;
    this.#files.delete(file);
  }
}
