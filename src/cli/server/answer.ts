import { isObject, type Members, objectsIn } from "../../lib/objects.ts";
import { Unreachable } from "../failure.ts";

/** Our deepest answer, the result of an engine's restart in a job, has eight. */
const MAX_DEPTH = 64;

/**
 * That what should be a plugin server answers like none. A proxy's login page has 200, too: taken for an empty list, or for
 * a change that was made, it would have a script go on.
 */
export function noAnswer(what: string): Unreachable {
  return new Unreachable(`the server's answer is no ${what}: is another program listening there? Correct --server`);
}

/** The objects of a list. @throws Unreachable for what is no list */
export function asList(value: unknown, what: string): Record<string, unknown>[] {
  if (Array.isArray(value)) return objectsIn(value);
  throw noAnswer(what);
}

/** An object that has that member as text. @throws Unreachable for what has not */
export function asObjectWith(member: string, value: unknown, what: string): Members {
  if (isObject(value) && typeof value[member] === "string") return value;
  throw noAnswer(what);
}

/** Whether it is no deeper than what we print, and each value in it has the usual words. */
export function isPrintable(answer: unknown): boolean {
  let level = valuesIn(answer);
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH || level.some(hasWordsOfItsOwn)) return false;
    level = level.flatMap(valuesIn);
  }
  return true;
}

function valuesIn(value: unknown): unknown[] {
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

/** JSON can't have a function: printing such an object would throw. */
function hasWordsOfItsOwn(value: unknown): boolean {
  return isObject(value) && (Object.hasOwn(value, "toString") || Object.hasOwn(value, "valueOf"));
}
