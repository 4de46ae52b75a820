import { setImmediate as nextTurn } from "node:timers/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ERROR_STATUS, type ErrorCode, PluginError } from "../domain/errors.ts";
import { isFailure, Job, type JobResult, type JobRun, type JobSubject, type JobWork } from "../jobs/job.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { cutAt } from "../lib/text.ts";
import { within } from "../lib/within.ts";
import { BeingInstalledError } from "../plugins/being-installed.ts";
import { prefixesOf, refusalOf, sendError } from "./hooks/error-reply.ts";
import { parsePreferences } from "./prefer-header.ts";

/** Refusals of the request itself: no job was started. */
const NOT_STARTED: readonly ErrorCode[] = [
  "BODY_INVALID",
  "NAME_INVALID",
  "URI_INVALID",
  "REQUEST_INVALID",
  "TOO_BUSY",
  "SHUTTING_DOWN",
];

/** How long a client that does not wait is kept waiting by a disk that does not record its job. */
const RECORD_MS = 1000;

/** A change: resolves to the reply. */
type ChangeWork = (run: JobRun) => Promise<JobResult>;

/**
 * Makes a change, which is a job, and answers with its result; the header `Job` names it. A client with
 * `Prefer: respond-async` gets 202 and the job to follow, unless the request itself is refused or the change ends within
 * the time that the client waits.
 *
 * @param work must not need the reply: the job continues after it, and when the client is gone
 */
export async function answerChange(
  request: FastifyRequest,
  reply: FastifyReply,
  jobs: Jobs,
  subject: JobSubject,
  work: ChangeWork,
): Promise<FastifyReply> {
  const { respondAsync, waitSeconds } = parsePreferences([request.headers.prefer ?? []].flat().join(","));
  let refusal: unknown;
  const job = new Job(
    bounded(subject),
    asJobWork(request, work, (failure) => {
      refusal = failure;
    }),
  );
  await nextTurn(); // by then the request was checked and is in the queue
  if (job.result !== undefined && isNotStarted(refusal)) return sendResult(request, reply, job.result);
  jobs.add(job); // not before, or refused requests would push out the jobs that others follow
  const path = `/jobs/${job.id}`;
  reply.header("job", path);
  if (!respondAsync) {
    await job.ended;
    return sendEnd(request, reply, job);
  }
  request.log.info({ job: job.id, ...job.subject }, "job started");
  reply.header("preference-applied", "respond-async");
  if (waitSeconds > 0) {
    await within(job.ended, waitSeconds * 1000, undefined);
    if (job.result !== undefined) return sendEnd(request, reply, job);
  }
  await within(jobs.recorded(), RECORD_MS, undefined);
  return reply.code(202).header("location", path).send(job.view());
}

/** No plugin has a longer name; a URL can, and jobs are kept for a long time. */
const MAX_NAME_LENGTH = 255;

function bounded({ action, plugin }: JobSubject): JobSubject {
  return { action, ...(plugin && { plugin: { ...plugin, name: cutAt(plugin.name, MAX_NAME_LENGTH) } }) };
}

/**
 * Keeps only what the job needs of the request, so that the rest of it can be freed.
 *
 * @param onRefusal called with what the work threw
 */
function asJobWork(request: FastifyRequest, work: ChangeWork, onRefusal: (failure: unknown) => void): JobWork {
  const prefixes = prefixesOf(request);
  const { log } = request;
  return async (run) => {
    try {
      return await work(run);
    } catch (failure) {
      onRefusal(failure);
      const { code, message } = refusalOf(failure, prefixes, log);
      return { status: ERROR_STATUS[code], error: code, message };
    }
  };
}

function isNotStarted(refusal: unknown): boolean {
  if (refusal instanceof BeingInstalledError) return true;
  return refusal instanceof PluginError && NOT_STARTED.includes(refusal.code);
}

function sendEnd(request: FastifyRequest, reply: FastifyReply, { result }: Job): FastifyReply {
  if (result === undefined) throw new Error("the job has not ended");
  return sendResult(request, reply, result);
}

function sendResult(request: FastifyRequest, reply: FastifyReply, result: JobResult): FastifyReply {
  const { status, body, headers = {} } = result;
  if (isFailure(result) && body === undefined) {
    return sendError(request, reply, new PluginError(result.error, result.message));
  }
  return reply.code(status).headers(headers).send(body);
}
