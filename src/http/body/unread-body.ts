import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { logRequest } from "../hooks/request-log.ts";

/** How much of a refused body is read all the same, and for how long at most. */
const DRAIN_BYTES = 16 * 1024 * 1024;
const DRAIN_MS = 5000;

/** A body that is not larger has arrived, or nearly so: Node discards it and keeps the connection. */
const SMALL_BYTES = 64 * 1024;

/**
 * Sends a reply that may overtake the request's body. Closing a connection with unread bytes resets it, and a client
 * that still sends may then never see the reply. So the reply goes out at once, with `Connection: close`, and what the
 * client sends is read for a while and discarded before the connection is closed.
 */
export function sendEarly(request: FastifyRequest, reply: FastifyReply, body: string): FastifyReply {
  if (!leavesBody(request)) return reply.send(body);
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) logRequest(request, reply); // a client that closes the connection first is logged too
  });
  reply.header("connection", "close").header("content-length", Buffer.byteLength(body));
  return reply.send(Readable.from(thenDrain(body, request.raw)));
}

/** Whether the client may have too much left to send for the connection to be used again. */
function leavesBody(request: FastifyRequest): boolean {
  const { raw, headers, method } = request;
  const length = headers["content-length"];
  const isAnnounced = headers["transfer-encoding"] !== undefined || Number(length ?? 0) > 0;
  if (!isAnnounced || raw.complete || raw.destroyed || method === "HEAD") return false;
  return raw.readableDidRead || request.holdsBodyBack() || !(Number(length) <= SMALL_BYTES);
}

async function* thenDrain(body: string, raw: IncomingMessage): AsyncGenerator<string> {
  yield body;
  await drained(raw);
}

function drained(raw: IncomingMessage): Promise<void> {
  let left = DRAIN_BYTES;
  return new Promise((resolve) => {
    const onData = (chunk: Buffer) => {
      left -= chunk.length;
      if (left <= 0) stop();
    };
    const stop = () => {
      clearTimeout(timer);
      raw.off("data", onData).off("end", stop).off("error", stop).off("close", stop);
      resolve();
    };
    const timer = setTimeout(stop, DRAIN_MS);
    raw.on("data", onData).on("end", stop).on("error", stop).on("close", stop);
    raw.resume(); // it may have been paused
    if (raw.readableEnded || raw.destroyed) stop();
  });
}
