import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";

/** An event of a text/event-stream. Comments are told as events named `:`, with their text. */
export interface StreamEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

export interface EventClient {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly response: IncomingMessage;
  /** The next event; undefined when the stream has ended in order. */
  next(): Promise<StreamEvent | undefined>;
  /** Every event up to the end of the stream. */
  rest(): Promise<StreamEvent[]>;
  leave(): void;
}

/** Follows a stream of events. Nothing of it is read before it is asked for. */
export async function follow(url: string, headers: Readonly<Record<string, string>> = {}): Promise<EventClient> {
  const request = http.get(url, { agent: false, headers });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
  });
  request.on("error", () => {}); // of a connection that is cut later, the response tells
  const events = readEvents(response);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    response,
    next: async () => (await events.next()).value ?? undefined,
    rest: async () => {
      const all: StreamEvent[] = [];
      for await (const event of events) all.push(event);
      return all;
    },
    leave: () => request.destroy(),
  };
}

/** The events in a stream of bytes. */
export async function* readEvents(stream: Readable): AsyncGenerator<StreamEvent, undefined> {
  let text = "";
  for await (const chunk of stream) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      yield parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
  if (text !== "") throw new Error(`the stream ends within an event: ${text}`);
}

/** @param text without the empty line at its end */
export function parseEvent(text: string): StreamEvent {
  const fields: Record<string, string> = { event: "message", id: "", data: "" };
  for (const line of text.split("\n")) {
    const [, name = "", value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    if (name === "") Object.assign(fields, { event: ":", data: value });
    else fields[name] = value;
  }
  return fields as unknown as StreamEvent;
}
