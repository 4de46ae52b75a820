import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Connections } from "../connections/connections.ts";

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

const REFUSALS: Readonly<Record<string, readonly [status: number, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [
    408,
    "the request took too long to arrive (http.headersTimeoutSeconds, http.requestTimeoutSeconds)",
  ],
  HPE_HEADER_OVERFLOW: [431, "the URL or the headers are too long"],
};

/**
 * Answers bytes that never became a request, in plain text like every other refusal, and ends the connection. Node
 * checks the time of a request once: when the timeout of an uploading connection is ignored, it has none any more.
 */
export function answerClientErrors(uploading: UploadingSockets, connections: Connections): ClientErrorHandler {
  return (error, socket) => {
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && uploading.has(socket)) return;
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    // `Connections` bounds the time for which a client does not take what is sent here.
    const isReplying = connections.of(socket)?.isReplying ?? false;
    socket.end(isReplying ? "" : replyTo(error), () => socket.destroy());
  };
}

function replyTo(error: NodeJS.ErrnoException): string {
  const [status, message] = REFUSALS[error.code ?? ""] ?? [400, "this is not a valid HTTP request"];
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${message.length + 1}`,
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${message}\n`;
}
