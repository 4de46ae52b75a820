import pLimit from "p-limit";
import { PluginError } from "../domain/errors.ts";
import { Deadline } from "../lib/signals.ts";
import type { EngineClient } from "./engine-client.ts";

/** How many of the questions below the engine has to answer at the same time: it may be a small device. */
const MAX_CONCURRENT = 4;

/** Asks for JSON: GET, or POST where there is a body. @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED */
export type Ask = (path: string, body?: unknown) => Promise<unknown>;

/** What this server asks for its own pages: a few questions at a time, and all of one page within one time limit. */
export class Questions {
  readonly #client: EngineClient;
  readonly #seconds: number;
  readonly #closing: AbortSignal;
  readonly #limit = pLimit(MAX_CONCURRENT);

  /**
   * @param seconds for all questions of one `within`
   * @param closing ends all of them
   */
  constructor(client: EngineClient, seconds: number, closing: AbortSignal) {
    this.#client = client;
    this.#seconds = seconds;
    this.#closing = closing;
  }

  /** @throws PluginError ENGINE_UNREACHABLE, also when the time is over; what the work throws */
  async within<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    using deadline = new Deadline(this.#closing, this.#seconds * 1000, () => this.#tooSlow());
    const { signal } = deadline;
    return await work((path, body) =>
      this.#limit(() => {
        signal.throwIfAborted();
        const question = body === undefined ? { signal } : { signal, method: "POST" as const, body };
        return this.#client.json(path, question);
      }),
    );
  }

  #tooSlow(): PluginError {
    const limit = `${this.#seconds} s (engine.timeoutSeconds)`;
    return new PluginError("ENGINE_UNREACHABLE", `the engine at ${this.#client.url} does not answer within ${limit}`);
  }
}
