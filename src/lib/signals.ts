import { PatientTimer } from "./patient-timer.ts";

/**
 * A signal that follows others and can also be aborted on its own. Dispose it when the work is done: nothing is left on
 * its parents then.
 *
 * Not AbortSignal.any: on Node 20 every result of it that was listened to stays in memory as long as a parent lives
 * (about 1 KB each), and the server's own signals live as long as the server.
 */
export class LinkedSignal implements Disposable {
  readonly #controller = new AbortController();
  readonly #unlink: (() => void)[] = [];

  constructor(...parents: readonly (AbortSignal | undefined)[]) {
    for (const parent of parents) {
      if (parent === undefined) continue;
      const follow = () => this.abort(parent.reason);
      if (parent.aborted) follow();
      else {
        parent.addEventListener("abort", follow, { once: true });
        this.#unlink.push(() => parent.removeEventListener("abort", follow));
      }
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    for (const unlink of this.#unlink.splice(0)) unlink();
  }
}

/** A signal that follows `parent` and is aborted with `reason()` after `ms` milliseconds, unless it is disposed before. */
export class Deadline implements Disposable {
  readonly #linked: LinkedSignal;
  readonly #arm: () => PatientTimer;
  /** Undefined while the clock is stopped. */
  #timer: PatientTimer | undefined;
  #isDisposed = false;

  /**
   * @param reason asked when the time is over; undefined gives as much time again
   * @throws the reason of a parent that is aborted already
   */
  constructor(parent: AbortSignal, ms: number, reason: () => Error | undefined) {
    parent.throwIfAborted();
    this.#linked = new LinkedSignal(parent);
    const expire = () => {
      const error = reason();
      if (error === undefined) this.restart();
      else this.#linked.abort(error);
    };
    this.#arm = () => new PatientTimer(ms, expire);
    this.#timer = this.#arm();
  }

  get signal(): AbortSignal {
    return this.#linked.signal;
  }

  /** Gives the whole time again, also after a pause. Once disposed, it stays without a timer. */
  restart(): void {
    if (this.#isDisposed) return;
    if (this.#timer === undefined) this.#timer = this.#arm();
    else this.#timer.refresh();
  }

  /** Stops the clock until `restart`. */
  pause(): void {
    this.#timer?.stop();
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.pause();
    this.#linked[Symbol.dispose]();
  }
}
