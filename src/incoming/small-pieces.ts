import { PluginError } from "../domain/errors.ts";

/** So many pieces may be small: a terminal or a test that sends a few bytes at a time is no attack. */
const FREE_PIECES = 16_384;
const MIN_AVERAGE_BYTES = 16;

/**
 * Refuses a body that comes in very many tiny pieces. Each piece, a chunk of HTTP or a packet, costs as much as some
 * kilobytes in one piece: a MiB in chunks of one byte keeps the event loop busy for more than a second.
 */
export class SmallPieces {
  #pieces = 0;
  #bytes = 0;

  /** @throws PluginError REQUEST_INVALID */
  add({ length }: Uint8Array): void {
    this.#pieces += 1;
    this.#bytes += length;
    if (this.#pieces <= FREE_PIECES || this.#bytes >= this.#pieces * MIN_AVERAGE_BYTES) return;
    const average = `the body comes in pieces of less than ${MIN_AVERAGE_BYTES} bytes on average`;
    throw new PluginError("REQUEST_INVALID", `${average}; send it in larger ones`);
  }
}
