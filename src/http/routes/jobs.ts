import type { ServerResponse } from "node:http";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import { JOB_STATES, type Job, type JobState } from "../../jobs/job.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import { printable } from "../../lib/text.ts";
import { JobEvents } from "../job-events.ts";
import { errorPrefix } from "../messages.ts";

interface JobRoutesOptions {
  readonly jobs: Jobs;
}

const Params = Type.Object({ id: Type.String() });
const ListQuery = Type.Object({ state: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])) });

/** Makes proxies pass events on as they come. A connection that is closed afterwards does not delay a shutdown. */
const EVENT_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
  connection: "close",
} as const;

/** The time that a client has to read its last events when the server shuts down. */
const LAST_EVENT_MS = 1000;

/** `/jobs`: the changes for which a client did not want to wait. */
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
    async ({ query }) => {
      const states = statesOf([query.state ?? []].flat());
      return jobs.list().flatMap((job) => (states.includes(job.state) ? [job.view()] : []));
    },
  );

  app.get("/jobs/:id", { schema: { params: Params }, config }, async ({ params }) => jobs.get(params.id).view());

  app.delete(
    "/jobs/:id",
    { schema: { params: Params }, config: { errorPrefix: errorPrefix.cancelJob } },
    async ({ params }) => (await jobs.cancel(params.id)).view(),
  );

  app.get("/jobs/:id/events", { schema: { params: Params }, config }, async (request, reply) => {
    const job = jobs.get(request.params.id);
    if (hasSeenEnd(request, job)) return reply.code(204).send();
    reply.headers(EVENT_HEADERS);
    if (request.method === "HEAD") return reply.send();
    const events = new JobEvents(jobs, job);
    open.set(events, reply.raw);
    reply.raw.once("close", () => open.delete(events));
    return reply.send(events);
  });
};

/** Browsers reconnect when a stream ends, unless they get a 204. */
function hasSeenEnd({ headers }: FastifyRequest, job: Job): boolean {
  return job.result !== undefined && headers["last-event-id"] === String(job.revision);
}

function statesOf(values: readonly string[]): readonly JobState[] {
  const unknown = values.find((state) => !JOB_STATES.some((known) => known === state));
  if (unknown !== undefined) {
    const message = `there is no state "${printable(unknown)}"; there are ${JOB_STATES.join(", ")}`;
    throw new PluginError("REQUEST_INVALID", message);
  }
  return values.length === 0 ? JOB_STATES : JOB_STATES.filter((state) => values.includes(state));
}
