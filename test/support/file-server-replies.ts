import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import type { Reply } from "./file-server.ts";

/** What a file server can do, right or wrong: replies for startFileServer. */

export interface FileOptions {
  readonly etag?: string;
  readonly lastModified?: string;
  readonly acceptRanges?: boolean;
  /** After how many bytes of the body the connection is reset, by request; the next ones are whole. */
  readonly resetAfter?: readonly number[];
}

/** A file as a good server has it, with ranges, but whose connection may break. */
export function file(
  body: Buffer,
  { etag, lastModified, acceptRanges = true, resetAfter = [] }: FileOptions = {},
): Reply {
  return (request, response, count) => {
    if (etag !== undefined) response.setHeader("etag", etag);
    if (lastModified !== undefined) response.setHeader("last-modified", lastModified);
    if (acceptRanges) response.setHeader("accept-ranges", "bytes");
    const from = acceptRanges ? rangeStart(request, etag ?? lastModified) : 0;
    if (from > 0) response.setHeader("content-range", `bytes ${from}-${body.length - 1}/${body.length}`);
    response.writeHead(from > 0 ? 206 : 200, { "content-length": body.length - from });
    send(response, body.subarray(from), resetAfter[count - 1]);
  };
}

/** Another reply for each request of a path; the last one for all that follow. */
export function inTurn(...replies: readonly [Reply, ...Reply[]]): Reply {
  return (request, response, count) => {
    const reply = replies[Math.min(count, replies.length) - 1] as Reply;
    return reply(request, response, count);
  };
}

export function status(code: number, headers: Record<string, string> = {}): Reply {
  return (_, response) => void response.writeHead(code, headers).end(`status ${code}`);
}

export function redirect(location: string, code = 302): Reply {
  return status(code, { location });
}

/** A partial reply that says whatever `contentRange` says. */
export function partial(body: Buffer, contentRange: string, headers: Record<string, string> = {}): Reply {
  return (_, response) => void response.writeHead(206, { ...headers, "content-range": contentRange }).end(body);
}

/** Promises `length` bytes and closes the connection properly after fewer. */
export function shortBody(body: Buffer, length: number): Reply {
  return (_, response) => {
    response.writeHead(200, { "content-length": length, connection: "close" });
    response.write(body, () => response.socket?.end());
  };
}

/** Sends these lines and never closes the connection, whatever it was asked for. */
export function keptOpen(...lines: readonly string[]): Reply {
  return (_, { socket }) => void socket?.write(lines.join("\r\n"));
}

/** Sends `head`, then `more` over and over, as fast as it is taken. */
export function flood(head: string, more: string): Reply {
  return (_, { socket }) => {
    const send = () => {
      while (socket?.writable && socket.write(more));
    };
    socket?.on("drain", send).on("error", () => {});
    socket?.write(head);
    send();
  };
}

/** Of no known length, in chunks. */
export function chunked(body: Buffer): Reply {
  return (_, response) => {
    for (let from = 0; from < body.length; from += 1000) response.write(body.subarray(from, from + 1000));
    response.end();
  };
}

/** Of no known length, over when the connection is; `reset` breaks it instead of ending it. */
export function untilClose(body: Buffer, { reset = false } = {}): Reply {
  return (_, response) => raw(response, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", body, reset);
}

/** Chunks without their end. */
export function brokenChunks(body: Buffer): Reply {
  const head = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${(body.length * 2).toString(16)}\r\n`;
  return (_, response) => raw(response, head, body, false);
}

export function encoded(body: Buffer, coding: "gzip" | "deflate" | "br", { cut = 0 } = {}): Reply {
  const encode = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[coding];
  const bytes = encode(body);
  return (_, response) => {
    const sent = bytes.subarray(0, bytes.length - cut);
    response.writeHead(200, { "content-encoding": coding, "content-length": sent.length }).end(sent);
  };
}

/** Says a length and sends `body` without ever coming to an end. */
export function stalled(body: Buffer, length: number): Reply {
  return (_, response) => void response.writeHead(200, { "content-length": length }).write(body);
}

/** Not even headers. */
export const silent: Reply = () => {};

/** One byte every few milliseconds, for ever. */
export function drip(everyMs: number): Reply {
  return (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write("x"), everyMs);
    response.once("close", () => clearInterval(timer));
  };
}

/** As fast as it is read, for ever; `sent` tells how many bytes went out. */
export function endless(headers: Record<string, string> = {}): { reply: Reply; sent: () => number } {
  let sent = 0;
  const block = Buffer.alloc(64 * 1024);
  const reply: Reply = (_, response) => {
    response.writeHead(200, headers);
    const more = () => {
      if (response.destroyed) return;
      sent += block.length;
      response.write(block, () => setImmediate(more));
    };
    more();
  };
  return { reply, sent: () => sent };
}

function rangeStart({ headers }: IncomingMessage, validator: string | undefined): number {
  if (headers["if-range"] !== validator) return 0;
  return Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
}

function send(response: ServerResponse, body: Buffer, resetAfter: number | undefined): void {
  if (resetAfter === undefined) response.end(body);
  else response.write(body.subarray(0, resetAfter), () => void reset(response));
}

function raw(response: ServerResponse, head: string, body: Buffer, breaks: boolean): void {
  const { socket } = response;
  socket?.write(head);
  socket?.write(body, () => void (breaks ? reset(response) : socket.end()));
}

/**
 * A reset overtakes what is on its way, so the client, which is in this process, gets some turns of the event loop to read
 * it. After a stall of the machine a timer of all that time would come first.
 */
async function reset(response: ServerResponse): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await delay(1);
  response.socket?.resetAndDestroy();
}
