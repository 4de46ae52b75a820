import { setTimeout as delay } from "node:timers/promises";
import { isObject, parsedJson } from "../../lib/objects.ts";
import { type CommandFailure, ServerRefusal, Unreachable } from "../failure.ts";
import { asJobView, hasEnded, type JobView } from "./job-view.ts";
import { ScriptOutput } from "./script-output.ts";
import type { ServerClient } from "./server-client.ts";

export type JobUpdate =
  | { readonly kind: "progress" | "end"; readonly job: JobView }
  /** What install.sh prints. */
  | { readonly kind: "output"; readonly text: string };

interface FollowOptions {
  readonly signal: AbortSignal;
  /** Between two attempts. */
  readonly retryMs?: number;
  /** How long a server may be away: a restart of it takes seconds, of its machine a minute or two. */
  readonly patienceMs?: number;
}

/** The server sends a comment every 15 s. */
const SILENCE_MS = 45_000;
/** One event: a job's view with its result. */
const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024;

/**
 * What happens to a job, up to its end. A stream of events that breaks off is taken up again; where there is none, because a
 * proxy keeps it back or too many clients follow jobs, the job is asked for from time to time.
 *
 * @throws Unreachable when the server stays away; ServerRefusal JOB_NOT_FOUND; the signal's reason
 */
export async function* followJob(client: ServerClient, id: string, options: FollowOptions): AsyncGenerator<JobUpdate> {
  const { signal, retryMs = 1000, patienceMs = 60_000 } = options;
  const output = new ScriptOutput();
  // From the first attempt that failed on: before that, a long install.sh, or a stop by Ctrl-Z, may have been silent as long.
  let awaySince: number | undefined;
  for (;;) {
    try {
      output.rewind();
      for await (const update of readEvents(client, id, output, signal)) {
        awaySince = undefined;
        yield update;
        if (update.kind === "end") return;
      }
    } catch (error) {
      if (!isStreamLoss(error)) throw error;
    }
    try {
      const job = asJobView(await client.get(`/jobs/${id}`, signal));
      awaySince = undefined;
      const text = job.log === undefined ? "" : await readMissed(client, id, output, signal);
      if (text !== "") yield { kind: "output", text };
      yield { kind: hasEnded(job) ? "end" : "progress", job };
      if (hasEnded(job)) return;
    } catch (error) {
      if (!(error instanceof Unreachable || isBusy(error))) throw error;
      awaySince ??= performance.now();
      if (performance.now() - awaySince > patienceMs) throw lost(id, error as Error);
    }
    await delay(retryMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function* readEvents(
  client: ServerClient,
  id: string,
  output: ScriptOutput,
  signal: AbortSignal,
): AsyncGenerator<JobUpdate> {
  const { createParser } = await import("eventsource-parser");
  const waiting: JobUpdate[] = [];
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onError({ type }) {
      if (type === "max-buffer-size-exceeded") throw new Unreachable("an event of the server's has no end");
    },
    onEvent: ({ event, data }) => {
      const value = parsedJson(data);
      if (event === "progress" || event === "end") waiting.push({ kind: event, job: asJobView(value) });
      const text =
        event === "output" && isObject(value) && typeof value.text === "string" ? output.news(value.text) : "";
      if (text !== "") waiting.push({ kind: "output", text });
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of client.stream(`/jobs/${id}/events`, { signal, bodyTimeoutMs: SILENCE_MS })) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* waiting.splice(0);
  }
}

/** What install.sh has printed since the events broke off. */
async function readMissed(client: ServerClient, id: string, output: ScriptOutput, signal: AbortSignal) {
  try {
    const text = await client.get(`/jobs/${id}/log`, signal);
    output.rewind();
    return typeof text === "string" ? output.news(text) : "";
  } catch (error) {
    if (error instanceof ServerRefusal) return ""; // it matters less than how the job goes on
    throw error;
  }
}

/** Whether the job can be asked for all the same. */
function isStreamLoss(error: unknown): boolean {
  if (error instanceof Unreachable || isBusy(error)) return true;
  return error instanceof ServerRefusal && error.code !== "JOB_NOT_FOUND" && ![401, 403].includes(error.httpStatus);
}

/** 503: too many clients, or the end of the server. 502 and 504 are of a proxy whose server is away. */
function isBusy(error: unknown): boolean {
  return error instanceof ServerRefusal && [502, 503, 504].includes(error.httpStatus);
}

function lost(id: string, cause: Error): CommandFailure {
  return new Unreachable(
    `${cause.message}; whether the change was made is not known: when the server is back, kuiper-plugins jobs ${id} tells`,
    cause,
  );
}
