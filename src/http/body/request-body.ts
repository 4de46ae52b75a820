import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { TObject } from "@sinclair/typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import { BodyMemory, type HeldBody } from "../../incoming/body-memory.ts";
import { parseFields } from "../../incoming/fields.ts";
import { readWhole } from "../../incoming/streams.ts";
import { LoopTurns } from "../../lib/event-loop.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body is not read: the route's own hook has it as a stream, or undefined where there is none. */
    bodyAsStream?: boolean;
  }
  interface FastifyInstance {
    /** Whether the client sends no body before it is asked for it. Not the request's, which has no method of ours without a route. */
    holdsBodyBack(raw: IncomingMessage): boolean;
  }
  interface FastifyRequest {
    /** Answers `Expect: 100-continue`, if the client sent that. To be called before a body is read. */
    askForBody(): void;
    /** Closes when the request has ended, unlike the request itself, which does so when its body has been read. */
    response: ServerResponse | undefined;
    /** The bytes of the body that are in memory, until it is disposed or the request has ended. */
    heldBody: HeldBody | undefined;
    /** Counts the body's bytes from now on. */
    holdBody(): HeldBody;
    /** As the function of that name; a large body waits for its turn. */
    parseFields(body: Buffer, schema: TObject): Promise<unknown>;
  }
}

const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/;

/** The parsing of a smaller body takes no longer than anything else that a request costs. */
const SMALL_BODY_BYTES = 16 * 1024;

/**
 * Accepts a body of any content type, or of none: `curl -d` announces a form, scripts announce nothing, and what they
 * send is JSON all the same.
 *
 * @param http the limits of bodies that are read into memory
 */
export function acceptAnyContentType(app: FastifyInstance, http: Config["http"]): void {
  const memory = new BodyMemory(Math.max(http.maxBodyBytesInMemory, http.maxBodyBytes));
  const turns = new LoopTurns();
  app.addHook("onRequest", (request, reply, done) => {
    request.response = reply.raw;
    // Fastify refuses a header that is no media type at all, before any parser is asked.
    const type = request.headers["content-type"];
    if (type !== undefined && !MEDIA_TYPE.test(type)) delete request.raw.headers["content-type"];
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", async (request: FastifyRequest) =>
    request.routeOptions.config.bodyAsStream ? request.raw : bufferBody(request, http.maxBodyBytes),
  );
  app.decorateRequest("response", undefined);
  app.decorateRequest("heldBody", undefined);
  app.decorateRequest("holdBody", function () {
    const held = memory.hold();
    this.heldBody = held;
    this.response?.once("close", () => this.heldBody?.[Symbol.dispose]()); // a handler that outlasts it takes it over
    return held;
  });
  app.decorateRequest("parseFields", async (body: Buffer, schema: TObject) => {
    const parse = () => parseFields(body, schema, http);
    return body.length <= SMALL_BODY_BYTES ? parse() : turns.run(parse);
  });
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
  app.decorate("holdsBodyBack", (raw) => asking.has(raw));
}

/**
 * Reads a body into memory.
 *
 * @param stream the body, if its beginning was read already
 * @throws PluginError TOO_BUSY; BODY_TOO_LARGE, before anything is read where that was announced; REQUEST_INVALID
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
  return readWhole(stream, maxBytes, tooLarge, request.holdBody());
}

/** A preValidation hook: parses the body as JSON, an object with the fields of `schema`. */
export function jsonBody(schema: TObject, { mayBeEmpty = false } = {}): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    request.body = body.length === 0 && mayBeEmpty ? {} : await request.parseFields(body, schema);
  };
}
