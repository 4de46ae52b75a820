import type { IncomingMessage } from "node:http";

/** Headers of one connection, RFC 9110 7.6.1, and those of older proxies: they end here. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Which stay although `Connection` names them: without them it would be another request. */
const NEVER_DROPPED: ReadonlySet<string> = new Set(["content-length", "host"]);

/** Methods without a body, unless one is announced. */
const BODYLESS = ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

interface Hop {
  /** The engine's host and port. */
  readonly host: string;
  /** By which this server knows its own requests. */
  readonly mark: string;
  readonly isTls: boolean;
}

/**
 * The headers with which a request goes on, names and values in turn: as they came, in their order and spelling, but for
 * those of the connection. `Host` is the engine's, and the client's is in `X-Forwarded-Host`, as with most proxies.
 */
export function requestHeaders(request: IncomingMessage, { host, mark, isTls }: Hop): string[] {
  const { headers, method = "", httpVersion, socket } = request;
  const kept = endToEnd(request, "host", "x-forwarded-for");
  const address = socket.remoteAddress ?? "unknown";
  const forwardedFor = [headers["x-forwarded-for"] ?? [], address].flat().join(", ");
  kept.unshift("Host", host);
  kept.push("Via", `${httpVersion} ${mark}`, "X-Forwarded-For", forwardedFor);
  // Another proxy before us knows better.
  if (headers["x-forwarded-host"] === undefined && headers.host !== undefined) {
    kept.push("X-Forwarded-Host", headers.host);
  }
  if (headers["x-forwarded-proto"] === undefined) kept.push("X-Forwarded-Proto", isTls ? "https" : "http");
  const encoding = headers["transfer-encoding"];
  if (encoding !== undefined) {
    kept.push("Transfer-Encoding", encoding);
    if (headers.trailer !== undefined) kept.push("Trailer", headers.trailer);
  } else if (headers["content-length"] === undefined && !BODYLESS.includes(method)) kept.push("Content-Length", "0");
  return kept;
}

/**
 * The headers with which the engine's reply goes back.
 *
 * @param own those that this server adds, such as the ones for web pages: they replace the engine's
 */
export function replyHeaders(
  reply: IncomingMessage,
  request: IncomingMessage,
  own: Readonly<Record<string, number | string | string[] | undefined>>,
): string[] {
  const replaced = Object.keys(own).filter((name) => name !== "vary");
  const kept = endToEnd(reply, ...replaced);
  for (const [name, value = []] of Object.entries(own)) {
    for (const one of [value].flat()) kept.push(name, String(one));
  }
  const { trailer, "transfer-encoding": encoding } = reply.headers;
  // Node refuses it where no trailers can follow.
  const isChunked = encoding !== undefined && request.httpVersion === "1.1" && hasBody(reply, request);
  if (trailer !== undefined && isChunked) kept.push("Trailer", trailer);
  // Which pages may read a reply is for http.allowedOrigins to say: an engine lets all of them.
  return request.headers.origin === undefined ? kept : withoutPagePermissions(kept, own);
}

/** Names and values in turn. */
export function pairsOf(list: readonly string[]): [name: string, value: string][] {
  return Array.from({ length: list.length / 2 }, (_, index) => [list[2 * index] ?? "", list[2 * index + 1] ?? ""]);
}

function endToEnd({ rawHeaders, headers }: IncomingMessage, ...dropped: readonly string[]): string[] {
  const listed = namedBy(headers.connection);
  const kept: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = "", value = ""] = [rawHeaders[index], rawHeaders[index + 1]];
    const key = name.toLowerCase();
    if (HOP_BY_HOP.has(key) || dropped.includes(key) || (listed.includes(key) && !NEVER_DROPPED.has(key))) continue;
    kept.push(name, value);
  }
  return kept;
}

function hasBody({ statusCode }: IncomingMessage, { method }: IncomingMessage): boolean {
  return method !== "HEAD" && statusCode !== 204 && statusCode !== 304;
}

/** The headers that a `Connection` header names. */
function namedBy(connection: string | undefined): readonly string[] {
  if (connection === undefined || connection === "close" || connection === "keep-alive") return [];
  const names = connection.toLowerCase().split(",");
  return names.map((name) => name.trim());
}

function withoutPagePermissions(list: readonly string[], own: Readonly<Record<string, unknown>>): string[] {
  return pairsOf(list)
    .filter(([name]) => !name.toLowerCase().startsWith("access-control-") || name.toLowerCase() in own)
    .flat();
}
