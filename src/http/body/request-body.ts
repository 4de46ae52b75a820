import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { TObject } from "@sinclair/typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import { parseFields } from "../../incoming/fields.ts";
import { readWhole } from "../../incoming/streams.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body is not read: the route's own hook has it as a stream, or undefined where there is none. */
    bodyAsStream?: boolean;
  }
  interface FastifyRequest {
    /** Answers `Expect: 100-continue`, if the client sent that. To be called before a body is read. */
    askForBody(): void;
    /** Whether the client sends no body before it is asked for it. */
    holdsBodyBack(): boolean;
  }
}

const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/;

/**
 * Accepts a body of any content type, or of none: `curl -d` announces a form, scripts announce nothing, and what they
 * send is JSON all the same.
 *
 * @param maxBytes the limit of a body that is read into memory
 */
export function acceptAnyContentType(app: FastifyInstance, maxBytes: number): void {
  app.addHook("onRequest", (request, _reply, done) => {
    // Fastify refuses a header that is no media type at all, before any parser is asked.
    const type = request.headers["content-type"];
    if (type !== undefined && !MEDIA_TYPE.test(type)) delete request.raw.headers["content-type"];
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", async (request: FastifyRequest) =>
    request.routeOptions.config.bodyAsStream ? request.raw : bufferBody(request, maxBytes),
  );
}

/**
 * Answers `Expect: 100-continue` only when the body is about to be read. Node alone does so at once, and curl would
 * send a zip of 500 MB before it is told that its name is invalid.
 */
export function delayContinue(app: FastifyInstance): void {
  const asking = new WeakMap<IncomingMessage, ServerResponse>();
  app.server.on("checkContinue", (raw: IncomingMessage, response: ServerResponse) => {
    asking.set(raw, response);
    // A refused client may or may not send the body all the same: nobody can tell where its next request begins.
    response.setHeader("connection", "close");
    app.server.emit("request", raw, response);
  });
  app.decorateRequest("askForBody", function () {
    const response = asking.get(this.raw);
    if (response === undefined) return;
    asking.delete(this.raw);
    response.removeHeader("connection");
    response.writeContinue();
  });
  app.decorateRequest("holdsBodyBack", function () {
    return asking.has(this.raw);
  });
}

/**
 * Reads a body into memory.
 *
 * @param stream the body, if its beginning was read already
 * @throws PluginError BODY_TOO_LARGE, before anything is read where that was announced; REQUEST_INVALID
 */
export async function bufferBody(
  request: FastifyRequest,
  maxBytes: number,
  stream: Readable = request.raw,
): Promise<Buffer> {
  const tooLarge = () =>
    new PluginError("BODY_TOO_LARGE", `the body is larger than ${maxBytes} bytes (http.maxBodyBytes)`);
  if (Number(request.headers["content-length"]) > maxBytes) throw tooLarge();
  request.askForBody();
  return readWhole(stream, maxBytes, tooLarge);
}

/** A preValidation hook: parses the body as JSON, an object with the fields of `schema`. */
export function jsonBody(schema: TObject, { mayBeEmpty = false } = {}): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    request.body = body.length === 0 && mayBeEmpty ? {} : parseFields(body, schema);
  };
}
