import type { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import { readWhole } from "./read-whole.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body is not read: the route's own hook finds it as a stream, or undefined where there is none. */
    bodyAsStream?: boolean;
  }
}

const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/;

/**
 * Takes a body of any content type, or of none, as it is: `curl -d` announces a form, scripts announce nothing, and
 * what they send is JSON all the same.
 *
 * @param maxBytes the limit of a body that is read into memory
 */
export function acceptAnyContentType(app: FastifyInstance, maxBytes: number): void {
  app.addHook("onRequest", (request, _reply, done) => {
    // Fastify refuses a header that names no media type at all, before any parser is asked.
    const type = request.headers["content-type"];
    if (type !== undefined && !MEDIA_TYPE.test(type)) delete request.raw.headers["content-type"];
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", async (request: FastifyRequest) =>
    request.routeOptions.config.bodyAsStream ? request.raw : bufferBody(request, maxBytes),
  );
}

/** @throws PluginError BODY_TOO_LARGE, before anything is read where that was announced; REQUEST_INVALID */
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
