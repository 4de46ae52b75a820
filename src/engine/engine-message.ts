import { isObject } from "../lib/objects.ts";
import { cutAt } from "../lib/text.ts";

const MAX_LENGTH = 1000;

/** The engine's own words in the body of an error: one line of text until 1.12, `{"error":1000,"message":"…"}` since 1.13. */
export function messageOf(body: string): string {
  const text = body.trim();
  const message = jsonMessage(text) ?? text;
  return cutAt(message.replace(/\s+/g, " "), MAX_LENGTH);
}

function jsonMessage(text: string): string | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && typeof value.message === "string" ? value.message : undefined;
  } catch {
    return undefined;
  }
}
