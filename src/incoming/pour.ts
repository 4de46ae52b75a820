import { type Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { PluginError } from "../domain/errors.ts";
import type { FileTarget } from "../fetch/file-target.ts";
import { withTimeLimit } from "../lib/signals.ts";

export type PourTarget = Pick<FileTarget, "bytes" | "write">;

/**
 * Reads `stream` to its end into `target`. When that fails nothing is written any more, and `stream` is paused where
 * it was: not destroyed, as pipelines and loops over it do.
 *
 * @throws PluginError UPLOAD_INVALID when the stream breaks off; its own PluginError; those of `target`; the signal's
 * reason
 */
export async function pour(stream: Readable, target: PourTarget, signal: AbortSignal): Promise<void> {
  let writing: Promise<void> = Promise.resolve();
  const sink = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      writing = target.write(chunk);
      writing.then(() => done(), done);
    },
  });
  // The first error is told by `finished`; a late one must not end the process.
  for (const end of [stream, sink]) end.on("error", () => {});
  stream.pipe(sink);
  try {
    await Promise.all([
      finished(stream, { writable: false, signal }).catch((cause) => {
        throw cause instanceof PluginError ? cause : brokenOff(target.bytes, cause);
      }),
      finished(sink, { readable: false, signal }),
    ]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    stream.unpipe(sink);
    sink.destroy();
    await writing.catch(() => {});
  }
}

function brokenOff(bytes: number, cause: unknown): PluginError {
  return new PluginError("UPLOAD_INVALID", `the upload broke off after ${bytes} bytes; send it again`, { cause });
}

/** A client that sends a byte now and then is as good as silent: only so many further bytes are a sign of life. */
const SIGN_OF_LIFE_BYTES = 1024;

/**
 * Runs `work` with a signal that follows `parent` and is aborted when fewer than 1024 bytes were written to the target
 * within `seconds`. A slow disk is not the client's silence.
 *
 * @param work writes to the target that it is given, in the place of `target`
 * @throws PluginError REQUEST_TIMEOUT as the signal's reason; what `work` throws
 */
export async function withSilenceLimit(
  parent: AbortSignal,
  seconds: number,
  target: PourTarget,
  work: (signal: AbortSignal, target: PourTarget) => Promise<void>,
): Promise<void> {
  let heard = 0;
  let isWriting = false;
  const reason = () => (isWriting ? undefined : tooQuiet(seconds));
  await withTimeLimit(parent, seconds * 1000, reason, (signal, restart) =>
    work(signal, {
      get bytes() {
        return target.bytes;
      },
      async write(chunk) {
        isWriting = true;
        await target.write(chunk);
        isWriting = false;
        heard += chunk.length;
        if (heard < SIGN_OF_LIFE_BYTES) return;
        heard = 0;
        restart();
      },
    }),
  );
}

function tooQuiet(seconds: number): PluginError {
  const words = `the client sent nothing, or less than ${SIGN_OF_LIFE_BYTES} bytes, for ${seconds} s`;
  return new PluginError("REQUEST_TIMEOUT", `${words} (uploads.idleTimeoutSeconds)`);
}
