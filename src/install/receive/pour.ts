import { type Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { PluginError } from "../../domain/errors.ts";
import type { FileTarget } from "../file-target.ts";

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
