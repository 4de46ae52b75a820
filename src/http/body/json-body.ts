import type { TObject } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import { printable } from "../../lib/text.ts";

/** A hook that runs before validation: reads the body as JSON, an object with the fields of `schema`. */
export function jsonBody(schema: TObject, { mayBeEmpty = false } = {}): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const { body } = request;
    const isEmpty = !Buffer.isBuffer(body) || body.length === 0;
    request.body = isEmpty && mayBeEmpty ? {} : parseFields(isEmpty ? Buffer.alloc(0) : body, schema);
  };
}

/**
 * The fields of a JSON text, their names as `schema` writes them. What is no object stays what it is, for the schema
 * to refuse.
 *
 * @throws PluginError BODY_INVALID
 */
export function parseFields(body: Buffer, schema: TObject): unknown {
  if (body.length === 0) throw new PluginError("BODY_INVALID", "the body is empty");
  return withKnownFields(parse(body), schema);
}

/** The name of the field of `schema` that a key means: keys are taken in any case, as the original takes them. */
export function knownField(schema: TObject, key: string): string | undefined {
  return Object.keys(schema.properties).find((field) => field.toLowerCase() === key.toLowerCase());
}

/** What is wrong with a body that `schema` refused. */
export function bodyObjection(schema: TObject, instancePath: string): string {
  const field = instancePath.split("/")[1];
  const property = Object.entries(schema.properties).find(([name]) => name === field)?.[1];
  if (property !== undefined) return `field ${field} should be ${property.description}`;
  return `it should be an object${schema.description === undefined ? "" : ` with ${schema.description}`}`;
}

function parse(body: Buffer): unknown {
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

/** `null` is an object without fields, as it is in the original. */
function withKnownFields(value: unknown, schema: TObject): unknown {
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) return value;
  const fields: Record<string, unknown> = {};
  for (const [key, content] of Object.entries(value)) {
    const field = knownField(schema, key);
    if (field !== undefined) fields[field] = content;
  }
  return fields;
}
