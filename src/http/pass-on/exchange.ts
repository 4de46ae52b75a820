import type { ClientRequest, IncomingMessage } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import type { EngineClient } from "../../engine/engine-client.ts";
import { PatientTimer } from "../../lib/patient-timer.ts";
import { quoted } from "../../lib/text.ts";
import type { UploadingSockets } from "../hooks/client-error.ts";
import { logRequest } from "../hooks/request-log.ts";
import { whenClosed } from "../when-closed.ts";
import { pairsOf, replyHeaders, requestHeaders } from "./headers.ts";
import { originForm } from "./ownership.ts";

export interface ExchangeOptions {
  readonly client: EngineClient;
  readonly isTls: boolean;
  readonly uploading: UploadingSockets;
  /** How long a client may send nothing of its body while the engine is ready for more. */
  readonly bodyStallMs: number;
  /** Ends streams of events, which have no end of their own. */
  readonly closing: AbortSignal;
}

/** For so long a body is held back for an engine that does not say "100 Continue"; curl waits as long. */
const CONTINUE_MS = 1000;

/**
 * Passes one request on, and its reply back, as they flow: at most what the streams of Node hold is in memory. There is no
 * limit to their size, nor to the time, as long as both ends are there: whoever goes away ends the other side too.
 *
 * @param settled called once: with the status of the engine's reply when its head has been passed back, or with why there
 *   is none; then nothing was sent to the client
 */
export function exchange(
  request: FastifyRequest,
  reply: FastifyReply,
  options: ExchangeOptions,
  settled: (outcome: number | PluginError) => void,
): void {
  const { client, isTls } = options;
  const { raw } = request;
  const response = reply.raw;
  let isSettled = false;

  const upstream = client.open({
    method: raw.method ?? "",
    path: originForm(request.originalUrl),
    headers: requestHeaders(raw, { host: client.host, mark: client.mark, isTls }),
  });
  const fail = (error: PluginError) => {
    upstream.destroy();
    if (!isSettled) settle(error);
  };
  function settle(outcome: number | PluginError): void {
    isSettled = true;
    settled(outcome);
  }

  upstream.on("error", (cause) => fail(client.unreachable(cause)));
  upstream.on("information", ({ statusCode, headers: { link } }) => passInterim(request, reply, statusCode, link));
  upstream.once("response", (answer) => {
    try {
      begin(request, reply, answer);
    } catch (cause) {
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      response.statusMessage = ""; // the engine's has been set, and what Node refuses in it would fail our own reply too
      const what = quoted(`${answer.statusCode} ${answer.statusMessage}`);
      return fail(new PluginError("ENGINE_REFUSED", `the engine's reply (${what}) is not valid HTTP`, { cause }));
    }
    settle(answer.statusCode ?? 0);
    passBack(request, reply, answer, options.closing);
    answer.once("end", () => raw.complete || abandonBody(raw, upstream));
  });
  whenClosed(response, () => {
    if (!response.writableFinished)
      fail(new PluginError("CANCELLED", "the client went away before the engine answered"));
    else upstream.destroy();
  });
  if (!upstream.destroyed) sendBody(request, reply, upstream, options, fail);
}

/** An interim reply, as far as Node can send it. */
function passInterim({ raw }: FastifyRequest, reply: FastifyReply, status: number, link: unknown): void {
  if (raw.httpVersion !== "1.1" || reply.raw.headersSent) return;
  try {
    if (status === 102) reply.raw.writeProcessing();
    if (status === 103 && link !== undefined) reply.raw.writeEarlyHints({ link: link as string });
  } catch {
    // Node checks the form of a link; a hint may be lost
  }
}

/** Sends the head of the reply, as soon as there is no byte of the body to send it with. @throws for a head that Node refuses */
function begin(request: FastifyRequest, reply: FastifyReply, answer: IncomingMessage): void {
  const response = reply.raw;
  if (answer.statusCode === 101) throw new Error("nobody asked for another protocol");
  response.sendDate = false; // the engine's own
  const headers = replyHeaders(answer, request.raw, reply.getHeaders());
  response.writeHead(answer.statusCode ?? 0, answer.statusMessage, headers);
  reply.hijack();
  let hasBody = false;
  answer.once("data", () => {
    hasBody = true;
  });
  setImmediate(() => hasBody || response.writableEnded || response.flushHeaders());
}

function passBack(request: FastifyRequest, reply: FastifyReply, answer: IncomingMessage, closing: AbortSignal): void {
  const response = reply.raw;
  answer.once("end", () => {
    if (answer.rawTrailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairsOf(answer.rawTrailers));
  });
  answer.on("error", () => {}); // "close" comes too, and tells both ends of a connection apart
  answer.once("close", () => {
    if (answer.complete || response.destroyed) return;
    // The client must not take a part for the whole.
    request.log.warn(
      { status: answer.statusCode },
      "the engine's connection ended within its reply, and so the client's",
    );
    response.destroy();
  });
  const endEvents = () => response.destroy();
  if (answer.headers["content-type"]?.startsWith("text/event-stream")) {
    closing.addEventListener("abort", endEvents, { once: true });
  }
  response.once("close", () => {
    closing.removeEventListener("abort", endEvents);
    if (!response.writableFinished) logRequest(request, reply);
  });
  answer.pipe(response);
}

function sendBody(
  request: FastifyRequest,
  reply: FastifyReply,
  upstream: ClientRequest,
  { uploading, bodyStallMs }: ExchangeOptions,
  fail: (error: PluginError) => void,
): void {
  const { raw } = request;
  const { "transfer-encoding": encoding, "content-length": length = "0" } = raw.headers;
  if (encoding === undefined && length === "0") return void upstream.end();

  const start = () => {
    clearTimeout(waiting);
    upstream.off("continue", start);
    if (upstream.destroyed || reply.sent) return;
    request.askForBody();
    // `http.requestTimeoutSeconds` is not for the whole body, but for the client to go on with it.
    reply.raw.once("close", uploading.add(raw.socket));
    const stalled = new PatientTimer(bodyStallMs, () => {
      if (upstream.writableNeedDrain)
        stalled.refresh(); // it is the engine that is slow
      else fail(new PluginError("REQUEST_TIMEOUT", "the rest of the body did not come (http.requestTimeoutSeconds)"));
    });
    let hasData = false;
    raw.on("data", () => {
      hasData = true;
      stalled.refresh();
    });
    setImmediate(() => hasData || upstream.flushHeaders()); // the engine may answer the head alone
    for (const emitter of [raw, upstream]) emitter.once("close", () => stalled.stop());
    raw.once("end", () => {
      stalled.stop();
      if (raw.rawTrailers.length > 0 && !upstream.destroyed) upstream.addTrailers(pairsOf(raw.rawTrailers));
    });
    raw.pipe(upstream);
  };
  let waiting: NodeJS.Timeout | undefined;
  if (!request.server.holdsBodyBack(raw)) {
    start();
    return;
  }
  upstream.flushHeaders();
  upstream.once("continue", start);
  waiting = setTimeout(start, CONTINUE_MS);
  upstream.once("close", () => clearTimeout(waiting));
}

/** The engine has answered without the rest: what still comes is dropped, so that the connection can be used again. */
function abandonBody(raw: IncomingMessage, upstream: ClientRequest): void {
  raw.unpipe(upstream);
  raw.resume();
}
