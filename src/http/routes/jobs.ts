import type { ServerResponse } from "node:http";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import { JOB_STATES, type JobState } from "../../domain/change.ts";
import { PluginError } from "../../domain/errors.ts";
import type { JobReading } from "../../jobs/job.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import { quoted } from "../../lib/text.ts";
import { audited } from "../hooks/audit.ts";
import { JobEvents } from "../job-events.ts";
import { errorPrefix } from "../messages.ts";

interface JobRoutesOptions {
  readonly jobs: Jobs;
}

const Params = Type.Object({ id: Type.String() });
const ListQuery = Type.Object({
  state: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  limit: Type.Optional(Type.Unknown()),
  cursor: Type.Optional(Type.Unknown()),
});

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** Makes proxies pass events on as they come. A connection that is closed afterwards does not delay a shutdown. */
const EVENT_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
  connection: "close",
} as const;

/** The time that a client has to read its last events when the server shuts down. */
const LAST_EVENT_MS = 1000;

/** `/jobs`: all changes, whether a client waits for them or not. */
export const jobRoutes: FastifyPluginAsyncTypebox<JobRoutesOptions> = async (app, { jobs }) => {
  const open = new Map<JobEvents, ServerResponse>();
  app.addHook("preClose", async () => {
    for (const [events, response] of open) {
      events.stop();
      setTimeout(() => response.destroy(), LAST_EVENT_MS).unref();
    }
  });
  const config = { errorPrefix: errorPrefix.describeJob };

  app.get(
    "/jobs",
    { schema: { querystring: ListQuery }, config: { errorPrefix: errorPrefix.listJobs } },
    async ({ query }, reply) => {
      const states = statesOf([query.state ?? []].flat());
      const limit = limitOf(query.limit);
      const page = await jobs.page({ states, limit, cursor: cursorOf(query.cursor) });
      if (page.next !== undefined) reply.header("link", nextPage(states, limit, page.next));
      return page.jobs.map((job) => job.view());
    },
  );

  app.get("/jobs/:id", { schema: { params: Params }, config }, async ({ params }) =>
    (await jobs.find(params.id)).view(),
  );

  app.delete(
    "/jobs/:id",
    {
      schema: { params: Params },
      config: { errorPrefix: errorPrefix.cancelJob, audited: { action: "cancel", about: "job" } },
    },
    async (request) => (await audited(request, () => jobs.cancel(request.params.id))).view(),
  );

  app.get("/jobs/:id/events", { schema: { params: Params }, config }, async (request, reply) => {
    const job = await jobs.find(request.params.id);
    if (hasSeenEnd(request, job)) return reply.code(204).send();
    reply.headers(EVENT_HEADERS);
    if (request.method === "HEAD") return reply.send();
    const printed = job.result === undefined ? undefined : await jobs.printed(job);
    if (reply.raw.closed) return reply.send(); // the client has gone: nothing would end its events
    const events = new JobEvents(jobs, job, { ...(printed !== undefined && { printed }) });
    open.set(events, reply.raw);
    reply.raw.once("close", () => open.delete(events));
    return reply.send(events);
  });
};

/** Browsers reconnect when a stream ends, unless they get a 204. */
function hasSeenEnd({ headers }: FastifyRequest, job: JobReading): boolean {
  return job.result !== undefined && headers["last-event-id"] === String(job.revision);
}

function limitOf(value: unknown): number {
  const limit = value === undefined ? DEFAULT_LIMIT : wholeNumber(value);
  if (limit !== undefined && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new PluginError("REQUEST_INVALID", `parameter limit should be a number from 1 to ${MAX_LIMIT}`);
}

function cursorOf(value: unknown): number | undefined {
  const cursor = value === undefined ? undefined : wholeNumber(value);
  if (cursor !== undefined || value === undefined) return cursor;
  throw new PluginError("REQUEST_INVALID", "parameter cursor should be the one of a Link header");
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** As RFC 8288 has it, relative to this server: what is before a proxy is not known here. */
function nextPage(states: readonly JobState[], limit: number, cursor: number): string {
  const query = new URLSearchParams({ limit: String(limit), cursor: String(cursor) });
  if (states.length < JOB_STATES.length) for (const state of states) query.append("state", state);
  return `</jobs?${query}>; rel="next"`;
}

function statesOf(values: readonly string[]): readonly JobState[] {
  const unknown = values.find((state) => !JOB_STATES.some((known) => known === state));
  if (unknown !== undefined) {
    const message = `there is no state "${quoted(unknown)}"; there are ${JOB_STATES.join(", ")}`;
    throw new PluginError("REQUEST_INVALID", message);
  }
  return values.length === 0 ? JOB_STATES : JOB_STATES.filter((state) => values.includes(state));
}
