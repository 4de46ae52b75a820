import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type {
  FastifyBaseLogger,
  FastifyContextConfig,
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
} from "fastify";
import { ERROR_STATUS, type ErrorCode, PluginError } from "../../domain/errors.ts";
import type { ErrorPrefix, PathParams } from "../messages.ts";
import { invalidBody } from "../schemas.ts";
import { auditRefusal } from "./audit.ts";
import type { ErrorFormat } from "./error-format.ts";
import { logRequest } from "./request-log.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Comes before the message of an error of this route. */
    errorPrefix?: ErrorPrefix;
    /** Comes before the message of an error in this route's body. */
    bodyErrorPrefix?: string;
  }
  interface FastifyInstance {
    errorsAreJson: ErrorFormat;
    /** Told of each error that a request is answered with. */
    onRefusal: (code: ErrorCode) => void;
  }
  interface FastifyRequest {
    /** The error that it was answered with. */
    refusal: ErrorCode | undefined;
  }
}

/** When a client should try again. */
const RETRY_AFTER_SECONDS = 5;

/** Answers every failure: with the original's message on one line, or as JSON where `format` says so. */
export function answerErrors(app: FastifyInstance, format: ErrorFormat, onRefusal: (code: ErrorCode) => void): void {
  app.decorate("errorsAreJson", format);
  app.decorateRequest("refusal", undefined);
  app.decorate("onRefusal", onRefusal);
  app.setErrorHandler((error, request, reply) =>
    sendError(request, reply, toRefusal(asPluginError(error, request), prefixesOf(request), request.log)),
  );
}

/** What comes before the message of an error, by what it is about. */
interface Prefixes {
  readonly body: string;
  readonly other: string;
}

/** Those of a request's route. */
export function prefixesOf({ routeOptions, params, isFile }: FastifyRequest): Prefixes {
  return routePrefixes(routeOptions.config, params as PathParams, isFile);
}

/** @param isFile whether the body is a file or a form */
export function routePrefixes(config: FastifyContextConfig, params: PathParams, isFile = false): Prefixes {
  const { bodyErrorPrefix = "", errorPrefix = "" } = config;
  const other = typeof errorPrefix === "string" ? errorPrefix : errorPrefix(params);
  return { body: isFile ? other : bodyErrorPrefix, other };
}

/** What a failed change is answered with, as the result of its job. It is logged. */
export function refusalOf(error: unknown, prefixes: Prefixes, log: FastifyBaseLogger): PluginError {
  return toRefusal(error instanceof PluginError ? error : internal(error), prefixes, log);
}

/** Answers a request whose URL can't be decoded, so that it has no route. */
export function answerUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const isBadUrl = error.code === "FST_ERR_BAD_URL"; // its own message quotes the URL
  const message = isBadUrl ? "the URL has a broken percent-encoding" : error.message;
  request.log.info({ code: error.code, reason: message }, "request refused");
  sendError(request, reply, new PluginError("REQUEST_INVALID", message));
}

/** Sends an error's message with its status. */
export function sendError(request: FastifyRequest, reply: FastifyReply, error: PluginError): FastifyReply {
  const { code, message } = error;
  request.refusal = code;
  request.server.onRefusal(code);
  auditRefusal(request, error);
  const status = ERROR_STATUS[code];
  reply.code(status).header("x-request-id", request.id);
  if (status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
  const isJson = request.server.errorsAreJson(request.headers.accept);
  reply.type(isJson ? "application/json; charset=utf-8" : "text/plain; charset=utf-8");
  return sendEarly(request, reply, isJson ? JSON.stringify({ error: code, message }) : `${message}\n`);
}

function toRefusal(failure: PluginError, prefixes: Prefixes, log: FastifyBaseLogger): PluginError {
  const { code, message, cause } = failure;
  const isOurFault = ERROR_STATUS[code] >= 500 && code !== "SHUTTING_DOWN";
  if (isOurFault) log.error({ err: code === "INTERNAL" ? cause : failure, code }, message);
  else log.info({ err: cause, code, reason: message }, "request refused");
  return new PluginError(code, prefixFor(code, prefixes) + message);
}

/** What comes before the message of an error with that code. */
export function prefixFor(code: ErrorCode, { body, other }: Prefixes): string {
  if (code === "BODY_INVALID" || code === "BODY_TOO_LARGE") return body;
  return code === "CROSS_SITE_REFUSED" || code === "INTERNAL" || code === "REQUEST_INVALID" ? "" : other;
}

function asPluginError(error: unknown, request: FastifyRequest): PluginError {
  if (error instanceof PluginError) return error;
  const { validation, validationContext, statusCode, message } = error as FastifyError;
  if (validation !== undefined && validationContext === "body") {
    return invalidBody(request, validation[0]?.instancePath);
  }
  // Fastify's own refusals (a broken URL, a body shorter than announced) are about the request, not about us.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new PluginError("REQUEST_INVALID", message);
  }
  return internal(error);
}

function internal(cause: unknown): PluginError {
  return new PluginError("INTERNAL", "internal error; see the server's log", { cause });
}

/** How much of a refused body is read all the same, and for how long at most. */
const DRAIN_BYTES = 16 * 1024 * 1024;
const DRAIN_MS = 5000;

/** A body that is not larger has arrived, or nearly so: Node discards it and keeps the connection. */
const SMALL_BYTES = 64 * 1024;

/**
 * Sends a reply that may overtake the request's body. Closing a connection with unread bytes resets it, and a client
 * that still sends may then never see the reply. So the reply goes out at once, with `Connection: close`, and what the
 * client sends is read for a while and discarded before the connection is closed.
 */
function sendEarly(request: FastifyRequest, reply: FastifyReply, body: string): FastifyReply {
  if (!leavesBody(request)) return reply.send(body);
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) logRequest(request, reply); // a client that closes the connection first is logged too
  });
  reply.header("connection", "close").header("content-length", Buffer.byteLength(body));
  return reply.send(Readable.from(thenDrain(body, request.raw)));
}

/** Whether the client may have too much left to send for the connection to be used again. */
function leavesBody(request: FastifyRequest): boolean {
  const { raw, headers, method } = request;
  const length = headers["content-length"];
  const isAnnounced = headers["transfer-encoding"] !== undefined || Number(length ?? 0) > 0;
  if (!isAnnounced || raw.complete || raw.destroyed || method === "HEAD") return false;
  return raw.readableDidRead || request.server.holdsBodyBack(raw) || !(Number(length) <= SMALL_BYTES);
}

async function* thenDrain(body: string, raw: IncomingMessage): AsyncGenerator<string> {
  yield body;
  await drained(raw);
}

function drained(raw: IncomingMessage): Promise<void> {
  let left = DRAIN_BYTES;
  return new Promise((resolve) => {
    const onData = (chunk: Buffer) => {
      left -= chunk.length;
      if (left <= 0) stop();
    };
    const stop = () => {
      clearTimeout(timer);
      raw.off("data", onData).off("end", stop).off("error", stop).off("close", stop);
      resolve();
    };
    const timer = setTimeout(stop, DRAIN_MS);
    raw.on("data", onData).on("end", stop).on("error", stop).on("close", stop);
    raw.resume(); // it may have been paused
    if (raw.readableEnded || raw.destroyed) stop();
  });
}
