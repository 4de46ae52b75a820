import { membersOf, parsedJson } from "../lib/objects.ts";
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
  const value = parsedJson(text);
  if (value === undefined) return unescapedMessage(text);
  const { message } = membersOf(value);
  return typeof message === "string" ? message : undefined;
}

/** 1.13 and 1.14 escape nothing in their JSON: a message with quotes, as that of a plugin that can't be opened, is no JSON. */
function unescapedMessage(text: string): string | undefined {
  const [start, end] = ['"message":"', '"}'];
  const from = text.indexOf(start);
  return from >= 0 && text.endsWith(end) ? text.slice(from + start.length, -end.length) : undefined;
}
