import http, { type IncomingHttpHeaders } from "node:http";
import https from "node:https";
import { noteReply } from "./client-replies.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is; an object is sent as JSON, without a content type unless `headers` has one. */
  readonly body?: string | Buffer | object;
  /** Sends the body in chunks, without announcing its length. */
  readonly chunked?: boolean;
  /** Certificate to trust, for https. */
  readonly ca?: string;
  readonly agent?: http.Agent;
  /** Cancels the request: to the server, the client has gone. */
  readonly signal?: AbortSignal;
}

/**
 * Sends what it is told to and nothing else: no content type, no path that was repaired. Every request has a
 * connection of its own, unless it is given an agent.
 */
export function send(url: string, options: RequestOptions = {}): Promise<Answer> {
  const [, origin = "", path = ""] = /^(https?:\/\/[^/]+)(.*)$/s.exec(url) ?? [];
  const { protocol, hostname, port } = new URL(origin);
  const { method = "GET", headers = {}, chunked = false, agent, ca, signal } = options;
  const body = toBuffer(options.body);
  const length = body === undefined || chunked ? {} : { "content-length": String(body.length) };
  const encoding = chunked ? { "transfer-encoding": "chunked" } : {};
  const { request } = protocol === "https:" ? https : http;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: hostname.replace(/^\[|\]$/g, ""),
        port,
        path: path === "" ? "/" : path,
        method,
        headers: { ...length, ...encoding, ...headers },
        agent: agent ?? false,
        ...(ca === undefined ? {} : { ca }),
        ...(signal === undefined ? {} : { signal }),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const answer = { status: incoming.statusCode ?? 0, headers: incoming.headers, text };
          noteReply({ method, url, ...answer });
          resolve(answer);
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** The status and the text: what most tests are about. */
export async function ask(url: string, options: RequestOptions = {}): Promise<[number, string]> {
  const { status, text } = await send(url, options);
  return [status, text];
}

export function post(url: string, body: RequestOptions["body"]): Promise<[number, string]> {
  return ask(url, { method: "POST", ...(body === undefined ? {} : { body }) });
}

export function remove(url: string): Promise<[number, string]> {
  return ask(url, { method: "DELETE" });
}

function toBuffer(body: RequestOptions["body"]): Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}
