import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ERROR_STATUS, PluginError } from "../domain/errors.ts";
import { bodyObjection } from "./body.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Words before the sentence of an error of this route. */
    errorPrefix?: (request: FastifyRequest) => string;
    /** Words before the sentence of an error in this route's body. */
    bodyErrorPrefix?: string;
  }
}

/** Seconds after which a client that was told to come back may do so. */
const RETRY_AFTER_SECONDS = 5;

/** Answers every failure: in the original's words as one line of text, or as JSON for a client that asks for it. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    const failure = asPluginError(error, app);
    const status = ERROR_STATUS[failure.code];
    if (status >= 500 && failure.code !== "SHUTTING_DOWN")
      request.log.error({ err: error, code: failure.code }, failure.message);
    else request.log.info({ err: failure.cause, code: failure.code, reason: failure.message }, "request refused");
    if (status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
    return sendError(request, reply, new PluginError(failure.code, prefix(failure, request) + failure.message));
  });
}

/** Answers a request whose URL can't be decoded, so that it has no route. */
export function answerUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const isBadUrl = error.code === "FST_ERR_BAD_URL"; // its own sentence quotes the URL
  const message = isBadUrl ? "the URL has a broken percent-encoding" : error.message;
  request.log.info({ code: error.code, reason: message }, "request refused");
  sendError(request, reply, new PluginError("REQUEST_INVALID", message));
}

/** Sends an error's sentence with its status. */
export function sendError(request: FastifyRequest, reply: FastifyReply, { code, message }: PluginError): FastifyReply {
  reply.code(ERROR_STATUS[code]).header("x-request-id", request.id);
  if (asksForJson(request.headers.accept)) return reply.type("application/json").send({ error: code, message });
  return reply.type("text/plain; charset=utf-8").send(`${message}\n`);
}

/** Whether an Accept header names JSON itself; `*` + `/*` does not, since every client sends that. */
export function asksForJson(accept: string | undefined): boolean {
  return (accept ?? "").split(",").some((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    return (
      /^application\/([^/]+\+)?json$/.test(type) && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
    );
  });
}

function prefix({ code }: PluginError, request: FastifyRequest): string {
  const { config } = request.routeOptions;
  if (code === "BODY_INVALID" || code === "BODY_TOO_LARGE") return config.bodyErrorPrefix ?? "";
  if (code === "CROSS_SITE_REFUSED" || code === "INTERNAL" || code === "REQUEST_INVALID") return "";
  return config.errorPrefix?.(request) ?? "";
}

function asPluginError(error: unknown, app: FastifyInstance): PluginError {
  if (error instanceof PluginError) return error;
  const { validation, validationContext, code, statusCode, message } = error as FastifyError;
  if (validation !== undefined && validationContext === "body") {
    return new PluginError("BODY_INVALID", bodyObjection(validation[0]?.instancePath ?? ""));
  }
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    const limit = app.initialConfig.bodyLimit;
    const reason = `the body is larger than ${limit} bytes (http.maxBodyBytes)`;
    return new PluginError("BODY_TOO_LARGE", reason);
  }
  // Fastify's own refusals (a broken URL, a body shorter than announced) are about the request, not about us.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new PluginError("REQUEST_INVALID", message);
  }
  return new PluginError("INTERNAL", "internal error; see the server's log", { cause: error });
}
