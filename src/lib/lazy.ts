/**
 * What is made when somebody first asks for it, for all who do. A failure is told to those who waited for it, and the next one
 * asks anew: a moment without file descriptors must not last as long as the process.
 */
export class Lazy<T> {
  readonly #make: () => Promise<T>;
  #made: Promise<T> | undefined;

  constructor(make: () => Promise<T>) {
    this.#make = make;
  }

  get(): Promise<T> {
    if (this.#made !== undefined) return this.#made;
    const made = this.#make();
    this.#made = made;
    made.catch(() => {
      if (this.#made === made) this.#made = undefined;
    });
    return made;
  }

  /** Undefined where nobody has asked, or it could not be made. */
  async made(): Promise<T | undefined> {
    return this.#made?.catch(() => undefined);
  }
}
