import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { PluginError } from "../domain/errors.ts";
import { hasCode } from "../lib/errors.ts";
import type { SizeLimit } from "../lib/limits.ts";
import { printable } from "../lib/text.ts";
import { discard, silence } from "./client.ts";
import { DownloadFailure } from "./failure.ts";
import type { FileTarget } from "./file-target.ts";

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

export interface BodyOptions {
  readonly idleTimeoutSeconds: number;
  /** Called after every chunk. */
  readonly onChunk: () => void;
}

/** The content codings of a reply, in the order in which they were applied; identity is none. */
export function contentCodings(response: IncomingMessage): string[] {
  const codings = (response.headers["content-encoding"] ?? "").toLowerCase().split(",");
  return codings.map((coding) => coding.trim()).filter((coding) => coding !== "" && coding !== "identity");
}

/**
 * Reads the body of `response` to its end into `target`, decoded if the server encoded it although it was asked not
 * to.
 *
 * @throws DownloadFailure; PluginError when it can't be stored
 */
export async function readBody(response: IncomingMessage, target: FileTarget, options: BodyOptions): Promise<void> {
  const codings = contentCodings(response);
  const store = async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) {
      await target.write(chunk);
      options.onChunk();
    }
  };
  const received = watched(response, options, target.limit);
  if (codings.length === 0) return await store(received);

  const [coding = ""] = codings;
  const createDecoder = codings.length === 1 ? DECODERS[coding] : undefined;
  if (createDecoder === undefined) {
    discard(response);
    throw new DownloadFailure(`the content encoding ${printable(codings.join(", ")).slice(0, 50)} is not supported`);
  }
  try {
    await pipeline(received, createDecoder(), store);
  } catch (cause) {
    if (hasCode(cause, "Z_BUF_ERROR")) throw unexpectedEnd(cause);
    if (cause instanceof DownloadFailure || cause instanceof PluginError) throw cause;
    throw new DownloadFailure(`the content encoding ${coding} is broken`, { cause });
  }
}

/** The body as it is received, with a limit on the host's silence and on the encoded bytes. */
async function* watched(response: IncomingMessage, options: BodyOptions, limit: SizeLimit): AsyncGenerator<Uint8Array> {
  const { socket } = response;
  let received = 0;
  let waiting = true;
  const timer = setTimeout(() => {
    // While the disk is what is waited for, the host is not silent.
    if (waiting) response.destroy(silence(options.idleTimeoutSeconds));
    else timer.refresh();
  }, options.idleTimeoutSeconds * 1000);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      waiting = false;
      received += chunk.length;
      // An encoding can send for ever without there being anything to decode.
      if (received > limit.bytes) throw limit.exceeded();
      yield chunk;
      waiting = true;
      timer.refresh();
    }
    // Without a length the end of the connection is the end of the file, unless it broke.
    if (socket.errored) throw socket.errored;
  } catch (cause) {
    throw cause instanceof DownloadFailure || cause instanceof PluginError ? cause : unexpectedEnd(cause);
  } finally {
    clearTimeout(timer);
    discard(response);
  }
}

function unexpectedEnd(cause: unknown): DownloadFailure {
  return new DownloadFailure("unexpected EOF", { retry: true, cause });
}
