import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ErrorCode } from "../../domain/errors.ts";
import type { Connections } from "../connections/connections.ts";
import type { ErrorFormat } from "./error-format.ts";

export type ClientErrorHandler = (error: NodeJS.ErrnoException, socket: Socket) => void;

/**
 * The connections on which a file is being received. `http.requestTimeoutSeconds` would be too short for these; the
 * time of an upload is limited by its receiver.
 */
export class UploadingSockets {
  readonly #sockets = new WeakSet<Socket>();

  has(socket: Socket): boolean {
    return this.#sockets.has(socket);
  }

  /** @returns takes it out again */
  add(socket: Socket): () => void {
    this.#sockets.add(socket);
    return () => this.#sockets.delete(socket);
  }
}

type Refusal = readonly [status: number, code: ErrorCode, message: string];

const REFUSALS: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [
    408,
    "REQUEST_TIMEOUT",
    "the request took too long to arrive (http.headersTimeoutSeconds, http.requestTimeoutSeconds)",
  ],
  HPE_HEADER_OVERFLOW: [431, "REQUEST_INVALID", "the URL or the headers are too long"],
};
const NO_REQUEST: Refusal = [400, "REQUEST_INVALID", "this is not a valid HTTP request"];

/**
 * Answers bytes that never became a request, in the format of every other refusal, and ends the connection. Node
 * checks the time of a request once: when the timeout of an uploading connection is ignored, it has none any more.
 */
export function answerClientErrors(
  uploading: UploadingSockets,
  connections: Connections,
  format: ErrorFormat,
  onRefusal: (code: ErrorCode) => void,
): ClientErrorHandler {
  return (error, socket) => {
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && uploading.has(socket)) return;
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    // `Connections` bounds the time for which a client does not take what is sent here.
    const isReplying = connections.of(socket)?.isReplying ?? false;
    const refusal = REFUSALS[error.code ?? ""] ?? NO_REQUEST;
    if (!isReplying) onRefusal(refusal[1]);
    socket.end(isReplying ? "" : replyWith(refusal, format(undefined)), () => socket.destroy());
  };
}

function replyWith([status, code, message]: Refusal, isJson: boolean): string {
  const body = isJson ? JSON.stringify({ error: code, message }) : `${message}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${isJson ? "application/json" : "text/plain"}; charset=utf-8`,
    `Content-Length: ${body.length}`,
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
