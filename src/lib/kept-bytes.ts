/** The least that is allocated; most of what is kept is smaller than this. */
const FIRST_BYTES = 4096;

/** The last bytes of something that goes on for any time, and how many there were in all. */
export class KeptBytes {
  readonly #max: number;
  #buffer = Buffer.alloc(0);
  #end = 0;
  #total = 0;

  /** @param max how many are kept */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many there were, kept or not. */
  get total(): number {
    return this.#total;
  }

  /** The bytes are copied: a small chunk of a pipe would keep the whole buffer that it was read into. */
  add(chunk: Uint8Array): void {
    const part = chunk.subarray(Math.max(0, chunk.length - this.#max));
    if (this.#end + part.length > this.#buffer.length) this.#makeRoom(part.length);
    this.#buffer.set(part, this.#end);
    this.#end += part.length;
    this.#total += chunk.length;
  }

  /**
   * What came after the first `position` bytes, as far as it is kept: valid until the next `add`.
   *
   * @returns how many of these are not kept any more, too
   */
  since(position: number): { readonly bytes: Uint8Array; readonly dropped: number } {
    const kept = Math.min(this.#end, this.#max);
    const wanted = Math.min(this.#total - position, kept);
    return { bytes: this.#buffer.subarray(this.#end - wanted, this.#end), dropped: this.#total - position - wanted };
  }

  /** Twice as much as is kept at most, so that what is kept is moved once for as many new bytes. */
  #makeRoom(bytes: number): void {
    const kept = this.#buffer.subarray(this.#end - Math.min(this.#end, this.#max - bytes), this.#end);
    const wanted = Math.min(2 * this.#max, Math.max(FIRST_BYTES, 2 * (kept.length + bytes)));
    const next = wanted > this.#buffer.length ? Buffer.alloc(wanted) : this.#buffer;
    next.set(kept, 0);
    this.#buffer = next;
    this.#end = kept.length;
  }
}
