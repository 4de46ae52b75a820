import { setImmediate as nextTurn } from "node:timers/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ERROR_STATUS, type ErrorCode, PluginError } from "../domain/errors.ts";
import { UNWATCHED } from "../domain/progress.ts";
import { Job, type JobRun, type JobWork } from "../jobs/job.ts";
import { isFailure, type JobFailure, type JobResult, type JobSubject, type JobSuccess } from "../jobs/job-view.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { prefixesOf, refusalOf, sendError } from "./hooks/error-reply.ts";

/** Refusals of the order itself: nothing has begun then that could be followed. */
const NOT_TAKEN: readonly ErrorCode[] = [
  "BODY_INVALID",
  "NAME_INVALID",
  "URI_INVALID",
  "REQUEST_INVALID",
  "TOO_BUSY",
  "SHUTTING_DOWN",
];

/** A change, which gives its answer or throws why there is none. */
export type ChangeWork = (run: JobRun) => Promise<JobSuccess>;

/** What a client prefers that would rather not wait for a change; undefined for one that waits. */
export function asksForAsync(request: FastifyRequest): Preferences | undefined {
  const preferences = parsePreferences([request.headers.prefer ?? []].flat().join(","));
  return preferences.respondAsync ? preferences : undefined;
}

/**
 * Makes a change and answers what came of it. A client that prefers so is answered 202 and the job to follow, unless
 * the order is not taken, or the change ends in the time for which it would wait.
 *
 * @param work must not need the reply: the job goes on after it, and when the client is gone
 */
export async function answerChange(
  request: FastifyRequest,
  reply: FastifyReply,
  jobs: Jobs,
  subject: JobSubject,
  work: ChangeWork,
): Promise<FastifyReply> {
  const preferences = asksForAsync(request);
  if (preferences === undefined) {
    return sendSuccess(reply, await work({ signal: new AbortController().signal, progress: UNWATCHED }));
  }
  const job = new Job(subject, asJobWork(request, work));
  await nextTurn(); // by then it has been looked at and is in the queue
  if (isNotTaken(job.result)) return sendResult(request, reply, job.result);
  jobs.add(job); // not before, or many such orders would push out what others wait for
  request.log.info({ job: job.id, ...subject }, "job begun");
  reply.header("preference-applied", "respond-async");
  if (preferences.waitSeconds > 0) {
    await endedWithin(job, preferences.waitSeconds);
    if (job.result !== undefined) return sendResult(request, reply, job.result);
  }
  return reply.code(202).header("location", `/jobs/${job.id}`).send(job.view());
}

/** Takes of the request only what the job needs, so that the rest of it can go. */
function asJobWork(request: FastifyRequest, work: ChangeWork): JobWork {
  const prefixes = prefixesOf(request);
  const { log } = request;
  return async (run) => {
    try {
      return await work(run);
    } catch (failure) {
      const { code, message } = refusalOf(failure, prefixes, log);
      return { status: ERROR_STATUS[code], error: code, message };
    }
  };
}

function isNotTaken(result: JobResult | undefined): result is JobFailure {
  return result !== undefined && isFailure(result) && NOT_TAKEN.includes(result.error);
}

async function endedWithin(job: Job, seconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const time = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000);
  });
  await Promise.race([job.ended, time]);
  clearTimeout(timer);
}

function sendResult(request: FastifyRequest, reply: FastifyReply, result: JobResult): FastifyReply {
  if (isFailure(result)) return sendError(request, reply, new PluginError(result.error, result.message));
  return sendSuccess(reply, result);
}

function sendSuccess(reply: FastifyReply, { status, body, headers = {} }: JobSuccess): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}

/** What a client prefers, of what this server knows (RFC 7240). */
export interface Preferences {
  /** It would rather follow a long change than wait for its answer. */
  readonly respondAsync: boolean;
  /** Seconds that it would wait all the same; 0 where it does not say. */
  readonly waitSeconds: number;
}

/** Longer than that no client is kept waiting, whatever it asks for. */
const MOST_WAIT_SECONDS = 60;

/** One preference of a list, up to its comma; a comma in quotes is part of it. */
const PREFERENCE = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/gs;

/** Reads a Prefer header, in which lines that were sent apart are joined by commas. What it does not know, it leaves. */
export function parsePreferences(header: string | undefined): Preferences {
  const values = new Map<string, string>();
  for (const [preference] of (header ?? "").matchAll(PREFERENCE)) {
    const [definition = ""] = preference.split(";"); // what follows are parameters, and we know of none
    const [name = "", ...value] = definition.split("=");
    const key = name.trim().toLowerCase();
    if (!values.has(key)) values.set(key, unquoted(value.join("=").trim())); // the first one counts
  }
  const wait = values.get("wait") ?? "";
  return {
    respondAsync: values.get("respond-async") === "",
    waitSeconds: /^\d+$/.test(wait) ? Math.min(MOST_WAIT_SECONDS, Number(wait)) : 0,
  };
}

function unquoted(value: string): string {
  return /^".*"$/s.test(value) ? value.slice(1, -1) : value;
}
