import { exceededShape, FAIR_SHAPE } from "./json-shape.ts";

export type Members = Readonly<Record<string, unknown>>;

/** Whether a value that was parsed is an object, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What JSON says; undefined for what is no JSON, or has more in it than its bytes are worth. */
export function parsedJson(text: string): unknown {
  if (exceededShape(text, FAIR_SHAPE) !== undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The objects in a list; none of any other value, such as the null that Go writes for no list. */
export function objectsIn(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The same for strings. */
export function stringsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** The members of an object; none of any other value. */
export function membersOf(value: unknown): Members {
  return isObject(value) ? value : {};
}
