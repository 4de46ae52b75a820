import { PluginError } from "../../domain/errors.ts";
import { withTimeLimit } from "../time-limit.ts";
import type { PourTarget } from "./pour.ts";

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
