import { PluginError } from "../domain/errors.ts";

/** The bytes of one body that are in memory. Dispose it when they are not needed any more; twice does no harm. */
export interface HeldBody extends Disposable {
  /** @throws PluginError TOO_BUSY; to be called before the bytes are kept */
  readonly add: (bytes: number) => void;
}

/** The beginning of a body, which is most bodies: how many there are is bounded by the connections. */
const FREE_BYTES = 16 * 1024;

/**
 * Bounds the bytes of all bodies in memory at once: a limit for each body says nothing about a thousand of them. The
 * first 16 KiB of each do not count, so that large ones keep nobody from sending a small one.
 */
export class BodyMemory {
  readonly #max: number;
  #bytes = 0;

  /** @param max `http.maxBodyBytesInMemory` */
  constructor(max: number) {
    this.#max = max;
  }

  hold(): HeldBody {
    let bytes = 0;
    let held = 0;
    return {
      add: (more) => {
        bytes += more;
        const counted = Math.max(0, bytes - FREE_BYTES) - held;
        if (counted > 0 && this.#bytes + counted > this.#max) throw tooBusy(this.#max);
        this.#bytes += counted;
        held += counted;
      },
      [Symbol.dispose]: () => {
        this.#bytes -= held;
        held = 0;
        bytes = 0;
      },
    };
  }
}

function tooBusy(max: number): PluginError {
  const all = `all request bodies together would have more than ${max} bytes (http.maxBodyBytesInMemory)`;
  return new PluginError("TOO_BUSY", `${all}; try again in a moment`);
}
