import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { withoutCredentials } from "../../domain/plugin-uri.ts";

/** Logs each request. Reads are logged with `debug: true` alone: a dashboard makes one every few seconds. */
export function logRequests(app: FastifyInstance): void {
  app.addHook("onResponse", (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
}

export function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const level = READING_METHODS.includes(request.method) ? "debug" : "info";
  if (!request.log.isLevelEnabled(level)) return;
  const fields = {
    method: request.method,
    url: loggedUrl(request.url),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime),
    from: request.ip,
  };
  request.log[level](fields, "request");
}

/** Characters of a URL that are logged. */
const MAX_URL = 2000;

/** An `@` that is cut off still ends a user name and password before the cut. */
function loggedUrl(url: string): string {
  if (url.length <= MAX_URL) return withoutCredentials(url);
  const start = url.slice(0, MAX_URL);
  return `${withoutCredentials(url.includes("@", MAX_URL) ? `${start}@` : start)}…`;
}

// The application is built with a pino logger, so its requests have one too; Fastify's type leaves out what pino adds.
declare module "fastify" {
  interface FastifyBaseLogger extends Pick<Logger, "isLevelEnabled"> {}
}

/** Methods that change nothing. */
export const READING_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];
