import type { TObject, TSchema } from "@sinclair/typebox";
import { PluginError } from "../domain/errors.ts";
import { isObject } from "../lib/objects.ts";
import { printable } from "../lib/text.ts";
import { decodeText } from "../lib/text-encoding.ts";
import { checkJsonShape, type JsonLimits } from "./json-shape.ts";

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
 * @param options.lists the fields of `schema` that are lists; a single value of such a field may be a whole list as JSON
 * @throws PluginError BODY_INVALID, BODY_TOO_LARGE for such a list that is beyond the limits
 */
export function fieldsOf(
  list: FieldList,
  schema: TObject,
  { lists = [], limits }: { readonly lists?: readonly string[] | undefined; readonly limits: JsonLimits },
): Fields {
  const fields: Record<string, string | string[]> = {};
  const listed = new Map(lists.map((field) => [field, [] as string[]]));
  for (const [name, value] of list) {
    const field = knownField(schema, name);
    if (field === undefined) continue;
    const values = listed.get(field);
    if (values === undefined) fields[field] = value;
    else values.push(value);
  }
  for (const [field, values] of listed) {
    if (values.length > 0) fields[field] = values.length === 1 ? listOf(values[0] ?? "", limits) : values;
  }
  return fields;
}

/**
 * A JSON object, its keys spelled as in `schema`; unknown ones are ignored. Any other value is returned as it is, for
 * the schema to refuse.
 *
 * @throws PluginError BODY_INVALID, BODY_TOO_LARGE
 */
export function parseFields(body: Buffer, schema: TObject, limits: JsonLimits): unknown {
  if (body.length === 0) throw new PluginError("BODY_INVALID", "the body is empty");
  const value = parseJson(body, limits);
  if (value === null) return {}; // as in the original
  if (!isObject(value)) return value;
  const fields: Record<string, unknown> = {};
  for (const [key, content] of Object.entries(value)) {
    const field = knownField(schema, key);
    if (field !== undefined) fields[field] = content;
  }
  return fields;
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

const spellings = new WeakMap<TObject, ReadonlyMap<string, string>>();

/** The field of `schema` that a key means: in any case, as in the original. */
function knownField(schema: TObject, key: string): string | undefined {
  let known = spellings.get(schema);
  if (known === undefined) {
    known = new Map(Object.keys(schema.properties).map((field) => [field.toLowerCase(), field]));
    spellings.set(schema, known);
  }
  return known.get(key.toLowerCase());
}

/** `["a","b"]` as JSON has it, or else a list of this one string. */
function listOf(value: string, limits: JsonLimits): string[] {
  if (value.trimStart().startsWith("[")) checkJsonShape(value, limits);
  try {
    const list: unknown = JSON.parse(value);
    if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  } catch {
    // a string like any other
  }
  return [value];
}

function parseJson(body: Buffer, limits: JsonLimits): unknown {
  const text = decodeText(body); // some Windows tools begin with a byte order mark, or send UTF-16
  checkJsonShape(text, limits);
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Not as the cause: it quotes the body, and with it what is secret in it.
    throw new PluginError("BODY_INVALID", `it is not valid JSON: ${withoutQuotation((cause as Error).message)}`);
  }
}

/** `Unexpected token 'x', ..."file":"htt"... is not valid JSON` without the piece of the body. */
function withoutQuotation(message: string): string {
  return printable(message.replace(/, (\.\.\.)?".*$/s, ""));
}
