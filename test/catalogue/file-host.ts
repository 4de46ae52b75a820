import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Config } from "../../src/config/schema.ts";

export type Answer = string | ((request: IncomingMessage, response: ServerResponse) => void);

export interface FileHost {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** The paths that were asked for, in order. */
  readonly requests: readonly string[];
}

/** The two folders of sources, in the order of their weight. */
export const OS_FIRST = "/kuiper-plugins/1.0.2/debian/sources";
export const TYPE_FIRST = "/kuiper-plugins/1.0.2/sources/debian";

/** Settings for a test: nothing is kept, and no healthy host is ever too slow. */
export const CONFIG: Config["prebuild"] = {
  version: "1.0.2",
  os: "debian",
  arch: "amd64",
  cacheSeconds: 0,
  timeoutSeconds: 20,
  maxPageBytes: 65_536,
};

/** Serves these paths, and 404 for all others, until the test is over. The key `*` is every other path. */
export async function startFileHost(answers: Readonly<Record<string, Answer>>): Promise<FileHost> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    requests.push(path);
    const answer = answers[path] ?? answers["*"];
    if (typeof answer === "function") answer(request, response);
    else response.writeHead(answer === undefined ? 404 : 200, { "content-type": "text/html" }).end(answer);
  });
  return { origin: `http://${await serve(server)}`, requests };
}

/** Listens on a free loopback port until the test is over. */
export async function serve(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function redirect(location: string, status = 301): Answer {
  return (_request, response) => response.writeHead(status, { location }).end();
}

export function links(...hrefs: string[]): string {
  return hrefs.map((href) => `<a href="${href}">x</a>`).join("\n");
}

/** A logger that only remembers its warnings. */
export function recordWarnings() {
  const warnings: { fields: unknown; message: unknown }[] = [];
  return { warnings, warn: (...[fields, message]: unknown[]) => void warnings.push({ fields, message }) };
}
