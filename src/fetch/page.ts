import type { Log } from "../lib/log.ts";
import { printable } from "../lib/text.ts";
import type { Client } from "./client.ts";
import { FetchFailure } from "./failure.ts";
import type { BodySink } from "./reply.ts";

/** Fewer than for a zip: a folder's page is where it is, or one step away. */
const MAX_REDIRECTS = 5;

export interface Page {
  /** Where the page came from, after redirects; without credentials. */
  readonly url: URL;
  readonly text: string;
  /** As the host names it, on one line of at most 100 characters; `unknown` where it does not. */
  readonly contentType: string;
}

interface PageOptions {
  /** Ends the request; its reason should be a FetchFailure. */
  readonly signal: AbortSignal;
  /** Of the page after decoding. */
  readonly maxBytes: number;
  readonly log: Pick<Log, "warn">;
}

/**
 * Reads a page with GET into memory. Follows at most five redirects.
 *
 * @throws FetchFailure, also for any status but 200 and for a page that is too large; the signal's reason
 */
export async function fetchPage(client: Client, url: URL, { signal, maxBytes, log }: PageOptions): Promise<Page> {
  const headers = { accept: "text/html, */*;q=0.5", "accept-encoding": "gzip" };
  const reply = await client.get(url, { signal, log, headers, maxRedirects: MAX_REDIRECTS });
  if (reply.status !== 200) {
    reply.discard();
    throw new FetchFailure(reply.statusLine, { answered: true });
  }
  const buffer = new PageBuffer(maxBytes);
  try {
    await reply.read(buffer);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  signal.throwIfAborted();
  const contentType = printable(reply.headers["content-type"] ?? "unknown").slice(0, 100);
  return { url: withoutUser(reply.url), text: buffer.decode(), contentType };
}

class PageBuffer implements BodySink {
  readonly limit;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.limit = { bytes: maxBytes, exceeded: () => new FetchFailure(`page larger than ${maxBytes} bytes`) };
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.length;
    if (this.#bytes > this.limit.bytes) throw this.limit.exceeded();
    this.#chunks.push(Uint8Array.from(chunk));
  }

  decode(): string {
    return new TextDecoder().decode(Buffer.concat(this.#chunks, this.#bytes));
  }
}

function withoutUser(url: URL): URL {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  return plain;
}
