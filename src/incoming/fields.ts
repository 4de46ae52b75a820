import type { TObject, TSchema } from "@sinclair/typebox";
import { PluginError } from "../domain/errors.ts";
import { printable } from "../lib/text.ts";

/** What a request says, by the names of its schema; not validated. */
export type Fields = Readonly<Record<string, unknown>>;

/** Names and values of a query or a form, in the order in which they came. */
type FieldList = readonly (readonly [name: string, value: string])[];

/** The parameters of a query, as Fastify parses it. */
export function queryFields(query: unknown): FieldList {
  return Object.entries(query as Record<string, string | string[]>).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, one] as const),
  );
}

/**
 * A query or a form, in the shape that the same request has as JSON. Unknown fields are ignored; of a field that is not
 * a list the last value counts.
 *
 * @param lists the fields of `schema` that are lists; a single value of such a field may be a whole list as JSON
 */
export function fieldsOf(list: FieldList, schema: TObject, lists: readonly string[] = []): Fields {
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of list) {
    const field = knownField(schema, name);
    if (field === undefined) continue;
    const values = fields[field];
    if (!lists.includes(field)) fields[field] = value;
    else if (Array.isArray(values)) values.push(value);
    else fields[field] = [value];
  }
  for (const field of lists) {
    const values = fields[field];
    if (values?.length === 1) fields[field] = listOf(values[0] ?? "");
  }
  return fields;
}

/**
 * A JSON object, its keys spelled as in `schema`; unknown ones are ignored. Any other value is returned as it is, for
 * the schema to refuse.
 *
 * @throws PluginError BODY_INVALID
 */
export function parseFields(body: Buffer, schema: TObject): unknown {
  if (body.length === 0) throw new PluginError("BODY_INVALID", "the body is empty");
  const value = parseJson(body);
  if (value === null) return {}; // as in the original
  if (!isObject(value)) return value;
  const fields: Record<string, unknown> = {};
  for (const [key, content] of Object.entries(value)) {
    const field = knownField(schema, key);
    if (field !== undefined) fields[field] = content;
  }
  return fields;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What is wrong with fields that `schema` refused. Of one that is too large, its schema says under `limit` what it may
 * have.
 *
 * @param instancePath where it is, as a validator says: `/name`, or empty for the whole
 */
export function fieldObjection(schema: TObject, instancePath: string, fields: unknown): string {
  const field = instancePath.split("/")[1];
  const property = Object.entries(schema.properties).find(([name]) => name === field)?.[1];
  if (property?.limit !== undefined && isObject(fields) && isTooLarge(property, fields[field ?? ""])) {
    return `field ${field} should have ${property.limit}`;
  }
  if (property !== undefined) return `field ${field} should be ${property.description}`;
  return `it should be an object${schema.description === undefined ? "" : ` with ${schema.description}`}`;
}

/** Whether a value is of the kind that `schema` asks for, but too long. */
function isTooLarge({ anyOf, type, maxLength, maxItems, items }: TSchema, value: unknown): boolean {
  if (anyOf !== undefined) return anyOf.some((one: TSchema) => isTooLarge(one, value));
  if (type === "string" && typeof value === "string") return value.length > maxLength;
  if (type !== "array" || !Array.isArray(value)) return false;
  return value.length > maxItems || value.some((one) => isTooLarge(items, one));
}

/** The field of `schema` that a key means: in any case, as in the original. */
function knownField(schema: TObject, key: string): string | undefined {
  return Object.keys(schema.properties).find((field) => field.toLowerCase() === key.toLowerCase());
}

/** `["a","b"]` as JSON has it, or else a list of this one string. */
function listOf(value: string): string[] {
  try {
    const list: unknown = JSON.parse(value);
    if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  } catch {
    // a string like any other
  }
  return [value];
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8").replace(/^\uFEFF/, "")); // some Windows tools begin with a byte order mark
  } catch (cause) {
    // Not as the cause: it quotes the body, and with it what is secret in it.
    throw new PluginError("BODY_INVALID", `it is not valid JSON: ${withoutQuotation((cause as Error).message)}`);
  }
}

/** `Unexpected token 'x', ..."file":"htt"... is not valid JSON` without the piece of the body. */
function withoutQuotation(message: string): string {
  return printable(message.replace(/, (\.\.\.)?".*$/s, ""));
}
