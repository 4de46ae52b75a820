/** A timer that is later than this was kept from coming by other work, or by a stall. */
const LATE_MS = 10;

/**
 * A timer that is not over before what came in its time was taken. After a stall (a process that was stopped, a machine that
 * was paused) Node calls its own timers first, and only then tells of data that arrived, or of a process that ended, long ago.
 */
export class PatientTimer {
  readonly #ms: number;
  readonly #timer: NodeJS.Timeout;
  #due: number;
  #last: NodeJS.Immediate | undefined;

  constructor(ms: number, expired: () => void) {
    this.#ms = ms;
    this.#due = performance.now() + ms;
    this.#timer = setTimeout(() => {
      if (performance.now() - this.#due < LATE_MS) expired();
      else this.#last = setImmediate(expired); // Node looks at what came in between
    }, ms);
  }

  /** Gives the whole time again. */
  refresh(): void {
    clearImmediate(this.#last);
    this.#due = performance.now() + this.#ms;
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#last);
  }
}
