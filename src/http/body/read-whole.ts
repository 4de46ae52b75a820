import type { Readable } from "node:stream";
import { PluginError } from "../../domain/errors.ts";

/**
 * Reads a stream to its end into memory. After a failure the rest is unread, and the stream is not destroyed: an
 * answer may have to go out on the same connection.
 *
 * @param limit how many bytes it may have
 * @throws PluginError `tooLarge()`, or REQUEST_INVALID when it breaks off
 */
export function readWhole(stream: Readable, limit: number, tooLarge: () => PluginError): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) return end(() => reject(tooLarge()));
      chunks.push(chunk);
    };
    const onEnd = () => end(() => resolve(Buffer.concat(chunks, length)));
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

export function brokenOff(cause?: unknown): PluginError {
  return new PluginError("REQUEST_INVALID", "the body broke off before its end", { cause });
}
