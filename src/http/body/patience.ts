import { PluginError } from "../../domain/errors.ts";

/** The time that a client has for a form, without the time of its file, which has a limit of its own. */
export class Patience {
  readonly #controller = new AbortController();
  readonly #closing: AbortSignal;
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(seconds: number, closing: AbortSignal) {
    this.#ms = seconds * 1000;
    this.#closing = closing;
    if (closing.aborted) this.#close();
    closing.addEventListener("abort", this.#close, { once: true });
    this.resume();
  }

  /** Fires when the time is over, and when the server closes. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  suspend(): void {
    clearTimeout(this.#timer);
  }

  /** Starts the time anew. */
  resume(): void {
    this.suspend();
    const reason = "the request took too long to arrive (http.requestTimeoutSeconds)";
    this.#timer = setTimeout(() => this.#controller.abort(new PluginError("REQUEST_TIMEOUT", reason)), this.#ms);
  }

  end(): void {
    this.suspend();
    this.#closing.removeEventListener("abort", this.#close);
  }

  readonly #close = () => this.#controller.abort(this.#closing.reason);
}
