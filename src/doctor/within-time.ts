import { PluginError } from "../domain/errors.ts";
import { systemMessage } from "../lib/errors.ts";
import { Deadline } from "../lib/signals.ts";
import { failure, type Observation, warning } from "./finding.ts";

/**
 * Yields what a check yields, for so many milliseconds. What it throws, and that it was too slow, are its last observation.
 * It ends also where the check is stuck: a file system that hangs ignores every signal.
 *
 * @throws the reason of `parent`
 */
export async function* withinTime(
  run: (signal: AbortSignal) => AsyncIterable<Observation>,
  ms: number,
  parent: AbortSignal,
): AsyncIterable<Observation> {
  const tooSlow = new Error("too slow");
  using deadline = new Deadline(parent, ms, () => tooSlow);
  const { signal } = deadline;
  const ended = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  ended.catch(() => {});
  const observations = run(signal)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = observations.next();
      next.catch(() => {}); // of one that is not waited for any more
      const { done, value } = await Promise.race([next, ended]);
      if (done) return;
      yield value;
    }
  } catch (error) {
    parent.throwIfAborted();
    yield signal.aborted
      ? warning(`this took more than ${Math.round(ms / 1000)} s and was given up`, "a disk or a host may hang")
      : failure(`this can't be looked at: ${reasonOf(error)}`, "run this as the server's user, or as root");
  } finally {
    observations.return?.().catch(() => {});
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof PluginError) return error.message;
  const path = error instanceof Error && "path" in error ? `${error.path}: ` : "";
  const isSystem = error instanceof Error && "syscall" in error;
  return path + (isSystem ? systemMessage(error) : error instanceof Error ? error.message : String(error));
}
