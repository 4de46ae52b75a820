import { setImmediate as nextTurn } from "node:timers/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import { UNWATCHED } from "../domain/change.ts";
import { ERROR_STATUS, type ErrorCode, PluginError } from "../domain/errors.ts";
import {
  isFailure,
  Job,
  type JobFailure,
  type JobResult,
  type JobRun,
  type JobSubject,
  type JobSuccess,
  type JobWork,
} from "../jobs/job.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { cutAt } from "../lib/text.ts";
import { within } from "../lib/within.ts";
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

/** A change: resolves to the reply of its success. */
type ChangeWork = (run: JobRun) => Promise<JobSuccess>;

/**
 * Makes a change and answers with its result. A client with `Prefer: respond-async` gets 202 and the job to follow,
 * unless the request itself is refused or the change ends within the time that the client waits.
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
  if (!respondAsync) {
    return sendSuccess(reply, await work({ signal: new AbortController().signal, progress: UNWATCHED }));
  }
  const job = new Job(bounded(subject), asJobWork(request, work));
  await nextTurn(); // by then the request was checked and is in the queue
  if (isNotStarted(job.result)) return sendResult(request, reply, job.result);
  jobs.add(job); // not before, or refused requests would push out the jobs that others follow
  request.log.info({ job: job.id, ...job.subject }, "job started");
  reply.header("preference-applied", "respond-async");
  if (waitSeconds > 0) {
    await within(job.ended, waitSeconds * 1000, undefined);
    if (job.result !== undefined) return sendResult(request, reply, job.result);
  }
  return reply.code(202).header("location", `/jobs/${job.id}`).send(job.view());
}

/** No plugin has a longer name; a URL can, and jobs are kept for a long time. */
const MAX_NAME_LENGTH = 255;

function bounded({ action, plugin }: JobSubject): JobSubject {
  return { action, ...(plugin && { plugin: { ...plugin, name: cutAt(plugin.name, MAX_NAME_LENGTH) } }) };
}

/** Keeps only what the job needs of the request, so that the rest of it can be freed. */
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

function isNotStarted(result: JobResult | undefined): result is JobFailure {
  return result !== undefined && isFailure(result) && NOT_STARTED.includes(result.error);
}

function sendResult(request: FastifyRequest, reply: FastifyReply, result: JobResult): FastifyReply {
  if (isFailure(result)) return sendError(request, reply, new PluginError(result.error, result.message));
  return sendSuccess(reply, result);
}

function sendSuccess(reply: FastifyReply, { status, body, headers = {} }: JobSuccess): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}
