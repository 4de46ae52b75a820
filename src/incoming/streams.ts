import { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { PluginError } from "../domain/errors.ts";
import { Deadline } from "../lib/signals.ts";
import type { HeldBody } from "./body-memory.ts";
import { SmallPieces } from "./small-pieces.ts";

/*
 * Reading of what a client sends. After a failure the rest of the stream is unread, and the stream is paused, not
 * destroyed as pipelines and loops would do: the reply has to go out on the same connection.
 */

interface Peeked {
  /** At least as much as was asked for, unless the stream is shorter. */
  readonly head: Buffer;
  /** The whole stream, with its head. */
  readonly stream: Readable;
}

/**
 * Reads the beginning of a stream without consuming it.
 *
 * @param isEnough whether no more bytes than these are needed
 * @throws PluginError REQUEST_INVALID when the stream breaks off
 */
export function peek(stream: Readable, isEnough: (head: Buffer) => boolean): Promise<Peeked> {
  let head: Buffer = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const onReadable = () => {
      for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
        if (!isEnough(head)) continue;
        stop();
        stream.unshift(head);
        return resolve({ head, stream });
      }
    };
    const onEnd = () => {
      stop();
      resolve({ head, stream: Readable.from(head.length === 0 ? [] : [head], { objectMode: false }) });
    };
    const onBroken = (cause?: unknown) => {
      stop();
      reject(brokenOff(cause));
    };
    const stop = () => {
      stream.off("readable", onReadable).off("end", onEnd).off("error", onBroken).off("close", onBroken);
    };
    stream.on("readable", onReadable).on("end", onEnd).on("error", onBroken).on("close", onBroken);
    if (stream.destroyed) onBroken();
  });
}

/**
 * Reads a stream to its end into memory.
 *
 * @param limit the most bytes that it may have
 * @param held counts them
 * @throws PluginError `tooLarge()`; REQUEST_INVALID when it breaks off or comes in tiny pieces; what `held.add` throws
 */
export function readWhole(
  stream: Readable,
  limit: number,
  tooLarge: () => PluginError,
  held?: Pick<HeldBody, "add">,
): Promise<Buffer> {
  const bytes = new GrowingBuffer();
  const pieces = new SmallPieces();
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      if (bytes.length + chunk.length > limit) return end(() => reject(tooLarge()));
      try {
        pieces.add(chunk);
        held?.add(chunk.length);
      } catch (error) {
        return end(() => reject(error));
      }
      bytes.append(chunk);
    };
    const onEnd = () => end(() => resolve(bytes.whole()));
    const onBroken = (cause?: unknown) => end(() => reject(brokenOff(cause)));
    const end = (settle: () => void) => {
      stream.off("data", onData).off("end", onEnd).off("error", onBroken).off("close", onBroken);
      stream.pause();
      settle();
    };
    stream.on("data", onData).on("end", onEnd).on("error", onBroken).on("close", onBroken);
    if (stream.destroyed) onBroken();
  });
}

/**
 * Bytes that arrive in pieces. They are copied: a piece of one byte, kept as it is, takes 140 bytes, and keeps the rest
 * of the packet that it came in.
 */
class GrowingBuffer {
  #bytes: Buffer = Buffer.alloc(0);
  length = 0;

  append(piece: Buffer): void {
    const length = this.length + piece.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.length);
      this.#bytes = larger;
    }
    piece.copy(this.#bytes, this.length);
    this.length = length;
  }

  whole(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }
}

interface WriteOptions {
  readonly signal: AbortSignal;
  readonly idleTimeoutSeconds: number;
}

/** A client that sends a byte now and then is as good as silent: only this many more bytes restart the idle timeout. */
const SIGN_OF_LIFE_BYTES = 1024;

/**
 * Reads a stream to its end, one chunk after the other into `write`, which is not called any more once this has ended.
 * The time that `write` takes is not the client's silence.
 *
 * @throws PluginError UPLOAD_INVALID when it breaks off; REQUEST_TIMEOUT when fewer than 1024 bytes come within
 * `idleTimeoutSeconds`; a PluginError that the stream fails with; what `write` throws; the signal's reason
 */
export async function writeWhole(
  stream: Readable,
  write: (chunk: Uint8Array) => Promise<void>,
  { signal: parent, idleTimeoutSeconds }: WriteOptions,
): Promise<void> {
  let isWriting = false;
  const reason = () => (isWriting ? undefined : tooQuiet(idleTimeoutSeconds));
  using idle = new Deadline(parent, idleTimeoutSeconds * 1000, reason);
  const { signal } = idle;

  let bytes = 0;
  let bytesSinceRestart = 0;
  const take = async (chunk: Uint8Array) => {
    bytes += chunk.length;
    isWriting = true;
    await write(chunk);
    isWriting = false;
    bytesSinceRestart += chunk.length;
    if (bytesSinceRestart < SIGN_OF_LIFE_BYTES) return;
    bytesSinceRestart = 0;
    idle.restart();
  };

  let taking: Promise<void> = Promise.resolve();
  const pieces = new SmallPieces();
  const takeAll = async (chunks: readonly Uint8Array[]) => {
    for (const chunk of chunks) pieces.add(chunk);
    await take(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
  };
  const sink = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      taking = takeAll([chunk]);
      taking.then(() => done(), done);
    },
    // What came meanwhile, at once: a write for each chunk of one byte would take a minute for a MiB.
    writev(chunks, done) {
      taking = takeAll(chunks.map(({ chunk }) => chunk));
      taking.then(() => done(), done);
    },
  });
  // `finished` reports the first error; a later one must not end the process.
  for (const end of [stream, sink]) end.on("error", () => {});
  stream.pipe(sink);
  try {
    await Promise.all([
      finished(stream, { writable: false, signal }).catch((cause) => {
        throw cause instanceof PluginError ? cause : uploadBrokenOff(bytes, cause);
      }),
      finished(sink, { readable: false, signal }),
    ]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    stream.unpipe(sink);
    sink.destroy();
    await taking.catch(() => {});
  }
}

export function brokenOff(cause?: unknown): PluginError {
  return new PluginError("REQUEST_INVALID", "the body broke off before its end", { cause });
}

function uploadBrokenOff(bytes: number, cause: unknown): PluginError {
  return new PluginError("UPLOAD_INVALID", `the upload broke off after ${bytes} bytes; send it again`, { cause });
}

function tooQuiet(seconds: number): PluginError {
  const silence = `the client sent nothing, or less than ${SIGN_OF_LIFE_BYTES} bytes, for ${seconds} s`;
  return new PluginError("REQUEST_TIMEOUT", `${silence} (uploads.idleTimeoutSeconds)`);
}
