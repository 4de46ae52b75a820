import { ConfigError } from "../config/load.ts";
import { PluginError } from "../domain/errors.ts";
import { systemMessage } from "../lib/errors.ts";
import { Deadline } from "../lib/signals.ts";
import { quoted } from "../lib/text.ts";
import { CHECKS } from "./checks.ts";
import { type Check, type Finding, failure, type Observation, skipped, warning } from "./finding.ts";
import { type DoctorOptions, readSituation, type Situation } from "./situation.ts";

/** Enough for a disk that is slow, and short enough to wait for. */
const DEFAULT_SECONDS = 15;
/** Of all checks together. */
const TOTAL_SECONDS = 180;
/** A message may quote a path or the words of another program. */
const MAX_MESSAGE = 2000;

/**
 * Looks at all that is known to go wrong, in the order of `CHECKS`, and yields what it finds. It works beside a running
 * server and without one, and changes nothing: no lock is taken, nothing is made or written. Whatever a check meets is a
 * finding. It takes at most three minutes.
 *
 * @throws the signal's reason
 */
export async function* diagnose(options: DoctorOptions): AsyncGenerator<Finding> {
  const end = performance.now() + TOTAL_SECONDS * 1000;
  const opened = await open(options);
  for (const check of CHECKS) {
    const { id, group } = check;
    const left = Math.min((check.seconds ?? DEFAULT_SECONDS) * 1000, end - performance.now());
    for await (const { message, ...observation } of observe(check, opened, options, left)) {
      yield { check: id, group, ...observation, message: quoted(message, MAX_MESSAGE) };
    }
  }
}

/** What the checks look at; why not, where the settings can't be used. */
async function open(options: DoctorOptions): Promise<Situation | string> {
  try {
    return await readSituation(options);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

async function* observe(
  check: Check,
  opened: Situation | string,
  { offline, signal }: DoctorOptions,
  ms: number,
): AsyncIterable<Observation> {
  if (typeof opened === "string") {
    yield check.id === "settings"
      ? failure(opened, "correct it: the server does not start like this")
      : skipped("the settings can't be used");
  } else if (offline && check.isOnline) yield skipped("plugin hosts are not asked (--offline)");
  else if (ms <= 0) yield skipped(`all checks together have taken ${TOTAL_SECONDS} s`);
  else yield* withinTime(check, opened, ms, signal);
}

/** Ends a check also where it is stuck: a file system that hangs ignores every signal. */
async function* withinTime(
  check: Check,
  situation: Situation,
  ms: number,
  parent: AbortSignal,
): AsyncIterable<Observation> {
  const tooSlow = new Error("too slow");
  using deadline = new Deadline(parent, ms, () => tooSlow);
  const { signal } = deadline;
  const ended = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  ended.catch(() => {});
  const observations = check.run(situation, signal)[Symbol.asyncIterator]();
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
