import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

const REFUSALS: Readonly<Record<string, readonly [status: number, sentence: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [
    408,
    "the request took too long to arrive (http.headersTimeoutSeconds, http.requestTimeoutSeconds)",
  ],
  HPE_HEADER_OVERFLOW: [431, "the URL or the headers are too long"],
};

/**
 * Answers bytes that never became a request, in plain text like every other refusal, and ends the connection.
 *
 * @param hasOwnLimit whether the time limit of requests does not hold for a connection, since it has another one. Node
 * looks at a request once: when it ignores the limit, there is none
 */
export function answerClientErrors(hasOwnLimit: (socket: Socket) => boolean) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code !== "ERR_HTTP_REQUEST_TIMEOUT" || !hasOwnLimit(socket)) answerClientError(error, socket);
  };
}

function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const [status, sentence] = REFUSALS[error.code ?? ""] ?? [400, "this is not a valid HTTP request"];
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${sentence.length + 1}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${sentence}\n`, () => socket.destroy());
}
