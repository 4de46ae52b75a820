import type { TObject } from "@sinclair/typebox";
import { knownField } from "./json-body.ts";

/** Names and values, in the order in which they came. */
export type FieldList = readonly (readonly [name: string, value: string])[];

/** The parameters of a query. */
export function queryFields(query: unknown): FieldList {
  return Object.entries(query as Record<string, string | string[]>).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, one] as const),
  );
}

/**
 * What a form or a query says, in the shape that the same order has as JSON: of a field that is no list the last value
 * counts.
 *
 * @param lists the fields of `schema` that are lists; one value of such a field may be a whole list as JSON
 */
export function asObject(
  fields: FieldList,
  schema: TObject,
  lists: readonly string[] = [],
): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = {};
  for (const [name, value] of fields) {
    const field = knownField(schema, name);
    if (field === undefined) continue;
    if (!lists.includes(field)) object[field] = value;
    else object[field] = [...(object[field] ?? []), value];
  }
  for (const field of lists) {
    const values = object[field];
    if (values?.length === 1) object[field] = listOf(values[0] ?? "");
  }
  return object;
}

/** `["a","b"]` as it is written in JSON, else a list of the one text. */
function listOf(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  } catch {
    // a text like any other
  }
  return [text];
}
