/** An answer that all share who ask while it is being made, and for a short while after that. */
export class Brief<T> {
  readonly #make: () => Promise<T>;
  #last: { readonly at: number; readonly answer: Promise<T>; isDone: boolean } | undefined;

  constructor(make: () => Promise<T>) {
    this.#make = make;
  }

  /** @param maxAgeMs how long ago it may have been asked for, unless it is still being made */
  get(maxAgeMs: number): Promise<T> {
    const last = this.#last;
    if (last !== undefined && (!last.isDone || performance.now() - last.at <= maxAgeMs)) return last.answer;
    return this.renew();
  }

  /** Asks anew, also while another answer is being made. */
  renew(): Promise<T> {
    const made = { at: performance.now(), answer: this.#make(), isDone: false };
    const done = () => {
      made.isDone = true;
    };
    made.answer.then(done, done);
    this.#last = made;
    return made.answer;
  }

  /** The next one is asked for. */
  forget(): void {
    this.#last = undefined;
  }
}
