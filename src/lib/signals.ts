/**
 * A signal that follows `parent` and can be aborted on its own. Disposing it leaves nothing behind on `parent`:
 * `AbortSignal.any` would, about 1.2 KB for each signal with a listener on a long-lived parent (Node 20).
 */
export class LinkedSignal implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    if (parent.aborted) this.#follow();
    else parent.addEventListener("abort", this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#parent.removeEventListener("abort", this.#follow);
  }

  readonly #follow = () => this.#controller.abort(this.#parent.reason);
}

/** A signal that follows `parent` and is aborted with `reason()` after `ms` milliseconds, counted from now. */
export class Deadline implements Disposable {
  readonly #linked: LinkedSignal;
  readonly #ms: number;
  readonly #reason: () => Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @param reason called when the time is over; undefined gives the same time again */
  constructor(parent: AbortSignal, ms: number, reason: () => Error | undefined) {
    this.#linked = new LinkedSignal(parent);
    this.#ms = ms;
    this.#reason = reason;
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#linked.signal;
  }

  /** Starts the whole time anew, also after `pause`; not once the signal was aborted or the deadline disposed. */
  restart(): void {
    if (this.#isOver || this.signal.aborted) return;
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#expire(), this.#ms);
    else this.#timer.refresh();
  }

  /** Stops the time until `restart` is called. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  abort(reason: unknown): void {
    this.pause();
    this.#linked.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.pause();
    this.#linked[Symbol.dispose]();
  }

  #expire(): void {
    const reason = this.#reason();
    if (reason === undefined) this.restart();
    else this.abort(reason);
  }
}

/**
 * Runs `work` with the signal of a Deadline.
 *
 * @param reason called when the time is over; undefined gives the same time again
 * @param work may call `restart` to have the whole time again
 * @throws the reason of `parent` where that has fired already; what `work` throws
 */
export async function withTimeLimit<T>(
  parent: AbortSignal,
  ms: number,
  reason: () => Error | undefined,
  work: (signal: AbortSignal, restart: () => void) => Promise<T>,
): Promise<T> {
  parent.throwIfAborted();
  using deadline = new Deadline(parent, ms, reason);
  return await work(deadline.signal, () => deadline.restart());
}
