import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Duplex, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { PluginError } from "../domain/errors.ts";
import { hasCode } from "../lib/errors.ts";
import type { SizeLimit } from "../lib/limits.ts";
import { PatientTimer } from "../lib/patient-timer.ts";
import { quoted } from "../lib/text.ts";
import { FetchFailure, idleFailure, unexpectedEnd } from "./failure.ts";
import { Wire } from "./wire.ts";

/** Content codings that are registered and not decoded here; a name that nobody registered says nothing about the bytes. */
const UNSUPPORTED = ["aes128gcm", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip", "zstd"];

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
};

/** Chunked framing may be this much, and so many times the body besides: more is work that brings no data. */
const MAX_FRAMING_BYTES = 1024 * 1024;
const MAX_FRAMING_RATIO = 4;

/** Where the bytes of a body go, in their order. It must refuse what is over its limit itself. */
export interface BodySink {
  readonly limit: SizeLimit;
  /** The chunk may be overwritten once this resolves: keep a copy, not the chunk. */
  write(chunk: Uint8Array): Promise<void>;
}

/** The reply to a GET. Its body is unread and its connection open until `read` or `discard` was called. */
export class Reply {
  /** Where the reply came from, after redirects; may have credentials. */
  readonly url: URL;
  readonly #response: IncomingMessage;
  readonly #idleTimeoutSeconds: number;

  constructor(url: URL, response: IncomingMessage, idleTimeoutSeconds: number) {
    this.url = url;
    this.#response = response;
    this.#idleTimeoutSeconds = idleTimeoutSeconds;
  }

  get status(): number {
    return this.#response.statusCode ?? 0;
  }

  /** `404 Not Found`, by the registry of HTTP. */
  get statusLine(): string {
    return withPhrase(this.status, http.STATUS_CODES[this.status] ?? "");
  }

  /** As `statusLine`, with the host's own phrase if it sent one; on one line, up to 100 characters. */
  get sentStatusLine(): string {
    const phrase = this.#response.statusMessage || http.STATUS_CODES[this.status] || "";
    return withPhrase(this.status, quoted(phrase, 100));
  }

  get headers(): IncomingHttpHeaders {
    return this.#response.headers;
  }

  get isEncoded(): boolean {
    return this.#codings.length > 0;
  }

  /**
   * Reads the body to its end, decoded if it is encoded. The connection ends with it.
   *
   * @throws FetchFailure; what `sink` throws. After an abort of the request's signal it is any of these: the caller
   * looks at the signal first.
   */
  async read(sink: BodySink): Promise<void> {
    const codings = this.#codings;
    const received = this.#receive(sink.limit);
    const store = async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) await sink.write(chunk);
    };
    if (codings.length === 0) return await store(received);

    const [coding = ""] = codings;
    const createDecoder = codings.length === 1 ? DECODERS[coding] : undefined;
    if (createDecoder === undefined) {
      this.discard();
      throw new FetchFailure(`the content encoding ${quoted(codings.join(", "), 50)} is not supported`, {
        answered: true,
      });
    }
    try {
      await pipeline(received, createDecoder(), store);
    } catch (cause) {
      const brief = `broken ${coding}`;
      if (hasCode(cause, "Z_BUF_ERROR")) throw unexpectedEnd(cause, brief);
      if (cause instanceof FetchFailure || cause instanceof PluginError) throw cause;
      throw new FetchFailure(`the content encoding ${coding} is broken`, { brief, cause });
    }
  }

  /** Ends the connection: the body is not wanted, or was read. */
  discard(): void {
    this.#response.destroy();
    this.#response.socket.destroy(); // when the body was read to its end, the line above does nothing
  }

  /** The content codings, in the order in which they were applied. Names of none, such as `aws-chunked`, are ignored. */
  get #codings(): string[] {
    const names = (this.headers["content-encoding"] ?? "").toLowerCase().split(",");
    const isCoding = (name: string) => Object.hasOwn(DECODERS, name) || UNSUPPORTED.includes(name);
    return names.map((name) => name.trim()).filter(isCoding);
  }

  /** The length of the body as it is sent; undefined where the connection or the chunks tell where it ends. */
  get contentLength(): number | undefined {
    const { "content-length": length, "transfer-encoding": transferred } = this.headers;
    return length === undefined || transferred !== undefined ? undefined : Number(length);
  }

  /** Whether the body itself tells that it is whole: some hosts reset the connection after that. */
  get #tellsItsEnd(): boolean {
    return this.contentLength !== undefined || /\bchunked\s*$/i.test(this.headers["transfer-encoding"] ?? "");
  }

  /** The body as it is received, with a limit on the host's silence and on the encoded bytes. */
  async *#receive(limit: SizeLimit): AsyncGenerator<Uint8Array> {
    const response = this.#response;
    const { socket } = response;
    const start = socket.bytesRead;
    let received = 0;
    let isWaiting = true;
    const timer = new PatientTimer(this.#idleTimeoutSeconds * 1000, () => {
      // The host is not silent while the disk is what is waited for.
      if (isWaiting) response.destroy(idleFailure(this.#idleTimeoutSeconds));
      else timer.refresh();
    });
    try {
      for await (const chunk of this.#bytes()) {
        isWaiting = false;
        received += chunk.length;
        // An encoded body can continue forever although nothing comes out of the decoder.
        if (received > limit.bytes) throw limit.exceeded();
        if (socket.bytesRead - start > MAX_FRAMING_BYTES + MAX_FRAMING_RATIO * received) throw mostlyFraming();
        yield chunk;
        isWaiting = true;
        timer.refresh();
      }
      // Without a length the end of the connection is the end of the file, unless it broke.
      if (socket.errored && !this.#tellsItsEnd) throw socket.errored;
    } catch (cause) {
      throw cause instanceof FetchFailure || cause instanceof PluginError ? cause : unexpectedEnd(cause);
    } finally {
      timer.stop();
      this.discard();
    }
  }

  /** The bytes of the body. With a known length and nothing to decode, they bypass the HTTP parser. */
  async *#bytes(): AsyncGenerator<Uint8Array> {
    const response = this.#response;
    const connection: Duplex = response.socket;
    const length = this.contentLength;
    // A decoder could still be at work on a chunk when the next one overwrites it.
    if (!(connection instanceof Wire) || length === undefined || this.isEncoded || connection.readableLength > 0) {
      return yield* response as AsyncIterable<Buffer>;
    }
    // Both before anything is awaited, so that no byte arrives in between.
    const begun: Buffer = response.read() ?? Buffer.alloc(0);
    const rest = connection.rest();
    let left = length - begun.length;
    if (begun.length > 0) yield begun;
    if (left === 0) return;
    for await (const chunk of rest) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      yield part;
      if (left === 0) return;
    }
    throw unexpectedEnd(connection.errored);
  }
}

function mostlyFraming(): FetchFailure {
  return new FetchFailure("the host sends its data in tiny chunks, which cost more than they bring", {
    answered: true,
  });
}

function withPhrase(status: number, phrase: string): string {
  return `${status} ${phrase}`.trim();
}
