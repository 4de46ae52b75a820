import { Readable } from "node:stream";
import { brokenOff } from "./read-whole.ts";

export interface Peeked {
  /** At least as much as was asked for, unless the stream has less. */
  readonly head: Buffer;
  /** The whole stream, with its head. */
  readonly stream: Readable;
}

/**
 * Looks at the beginning of a stream without taking it out.
 *
 * @param isEnough whether what came so far tells all there is to know
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
