import { type Static, Type } from "@sinclair/typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { PluginError } from "../domain/errors.ts";
import { printable } from "../domain/printable.ts";

const text = Type.Optional(Type.Union([Type.String(), Type.Null()], { description: "a text" }));
const texts = (description: string) =>
  // NUL ends a text for the operating system: an argument with one can't be passed on.
  Type.Optional(Type.Union([Type.Array(Type.String({ pattern: "^[^\\0]*$" })), Type.Null()], { description }));

/** The body of a create. Fields that are not named here are ignored. */
export const CreateBody = Type.Object({
  name: text,
  file: text,
  shellParas: texts("a list of texts without NUL characters"),
  functions: texts("a list of names"),
});

const FIELDS = Object.keys(CreateBody.properties) as (keyof Static<typeof CreateBody>)[];

const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/;

/**
 * Takes a body of any content type, or of none, as it is: `curl -d` announces a form, scripts announce nothing, and
 * what they send is JSON all the same.
 */
export function acceptAnyContentType(app: FastifyInstance): void {
  app.addHook("onRequest", (request, _reply, done) => {
    // Fastify refuses a header that names no media type at all, before any parser is asked.
    const type = request.headers["content-type"];
    if (type !== undefined && !MEDIA_TYPE.test(type)) delete request.raw.headers["content-type"];
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
}

/** A hook that runs before validation: reads the body as JSON. */
export async function decodeJsonBody(request: FastifyRequest): Promise<void> {
  request.body = withKnownFields(parse(request.body));
}

/** What is wrong with a body that the schema refused. */
export function bodyObjection(instancePath: string): string {
  const field = FIELDS.find((name) => instancePath.split("/")[1] === name);
  if (field === undefined) return "it should be an object with name and file";
  return `field ${field} should be ${CreateBody.properties[field].description}`;
}

function parse(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) throw new PluginError("BODY_INVALID", "the body is empty");
  try {
    return JSON.parse(body.toString("utf8").replace(/^\uFEFF/, "")); // some Windows tools begin with a byte order mark
  } catch (cause) {
    // Not as the cause: it quotes the body, and with it what is secret in it.
    throw new PluginError("BODY_INVALID", `it is not valid JSON: ${withoutQuotation((cause as Error).message)}`);
  }
}

/** `Unexpected token 'x', ..."file":"htt"... is not valid JSON` without the piece of the text that was parsed. */
function withoutQuotation(message: string): string {
  return printable(message.replace(/, (\.\.\.)?".*$/s, ""));
}

/** Keys in any case, as the original takes them; `null` is an object without fields, as it is there. */
function withKnownFields(value: unknown): unknown {
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) return value;
  const fields: Record<string, unknown> = {};
  for (const [key, content] of Object.entries(value)) {
    const known = FIELDS.find((field) => field.toLowerCase() === key.toLowerCase());
    if (known !== undefined) fields[known] = content;
  }
  return fields;
}
