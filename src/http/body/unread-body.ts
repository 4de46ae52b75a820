import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { logRequest } from "../hooks/request-log.ts";

/** How much of a body that was refused is read all the same, and for how long at most. */
const DRAIN_BYTES = 16 * 1024 * 1024;
const DRAIN_MS = 5000;

/** A body that is not larger has arrived, or nearly so; node throws it away and the connection stays in use. */
const SMALL_BYTES = 64 * 1024;

/**
 * Sends an answer that may overtake the request's body. A connection that is closed on bytes which were not read is
 * reset, and a client that still sends may then never see the answer. So it is told at once, with `Connection: close`,
 * and what it sends is read for a while and thrown away before the connection is closed.
 */
export function sendEarly(request: FastifyRequest, reply: FastifyReply, text: string): FastifyReply {
  if (!leavesBody(request)) return reply.send(text);
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) logRequest(request, reply); // it hung up as it should, and has its line all the same
  });
  reply.header("connection", "close").header("content-length", Buffer.byteLength(text));
  return reply.send(Readable.from(thenDrain(text, request.raw)));
}

/** Whether the client may have so much left to send that it is in the way. */
function leavesBody(request: FastifyRequest): boolean {
  const { raw, headers, method } = request;
  const length = headers["content-length"];
  const isAnnounced = headers["transfer-encoding"] !== undefined || Number(length ?? 0) > 0;
  if (!isAnnounced || raw.complete || raw.destroyed || method === "HEAD") return false;
  return raw.readableDidRead || request.holdsBodyBack() || !(Number(length) <= SMALL_BYTES);
}

async function* thenDrain(text: string, raw: IncomingMessage): AsyncGenerator<string> {
  yield text;
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
    raw.resume(); // whoever refused it may have stopped it
    if (raw.readableEnded || raw.destroyed) stop();
  });
}
