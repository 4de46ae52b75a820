import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { join, normalize } from "node:path";
import { promisify } from "node:util";

/** Answers a request; `count` is 1 for the first request of its path. See file-server-replies.ts for ready ones. */
export type Reply = (request: IncomingMessage, response: ServerResponse, count: number) => void | Promise<void>;

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface FileServer {
  readonly origin: string;
  readonly port: number;
  /** What was asked for, in order. */
  readonly requests: readonly ReceivedRequest[];
  url(path: string): string;
  /** Resolves as soon as no connection is open. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/**
 * A server on a free loopback port that has `replies` by path (with its query), or the files of a folder. Any other
 * path is a 404.
 */
export async function startFileServer(
  replies: Readonly<Record<string, Reply>> | string,
  options: { tls?: Certificate } = {},
): Promise<FileServer> {
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  const waiting: (() => void)[] = [];

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "";
    requests.push({ path, headers: request.headers });
    response.on("error", () => {}); // the client may go at any time
    const count = requests.filter((earlier) => earlier.path === path).length;
    const reply = typeof replies === "string" ? fileIn(replies) : replies[path];
    if (reply === undefined) response.writeHead(404).end();
    else void reply(request, response, count);
  };
  const server = options.tls ? https.createServer(options.tls, listener) : http.createServer(listener);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0) for (const resolve of waiting.splice(0)) resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `${options.tls ? "https" : "http"}://127.0.0.1:${port}`;
  return {
    origin,
    port,
    requests,
    url: (path) => origin + path,
    idle: () => new Promise((resolve) => (sockets.size === 0 ? resolve() : waiting.push(resolve))),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function fileIn(folder: string): Reply {
  return async (request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://host");
    const file = join(folder, normalize(decodeURIComponent(pathname)));
    const size = await stat(file).then(
      (found) => (found.isFile() ? found.size : undefined),
      () => undefined,
    );
    if (size === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { "content-length": size });
    createReadStream(file, { highWaterMark: 1024 * 1024 }).pipe(response);
  };
}

/** A self-signed certificate for localhost and 127.0.0.1, or undefined where there is no openssl to make it. */
export async function makeCertificate(
  names = "DNS:localhost,IP:127.0.0.1",
  extra: readonly string[] = [],
): Promise<Certificate | undefined> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "-"];
  const subject = ["-subj", "/CN=file server of a test", "-addext", `subjectAltName=${names}`];
  const args = ["req", "-x509", ...key, ...subject, "-days", "2", "-out", "-", ...extra];
  try {
    const { stdout } = await promisify(execFile)("openssl", args);
    const [, privateKey = "", cert = ""] = /^([\s\S]*?-----END PRIVATE KEY-----\n)([\s\S]*)$/.exec(stdout) ?? [];
    return { key: privateKey, cert };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
