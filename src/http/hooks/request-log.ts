import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { shownUri } from "../../domain/plugin-uri.ts";

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
    url: shownUri(request.url),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime),
    from: request.ip,
  };
  request.log[level](fields, "request");
}

// The application is built with a pino logger, so its requests have one too; Fastify's type leaves out what pino adds.
declare module "fastify" {
  interface FastifyBaseLogger extends Pick<Logger, "isLevelEnabled"> {}
}

/** Methods that change nothing. */
export const READING_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];
