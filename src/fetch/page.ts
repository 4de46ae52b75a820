import { STATUS_CODES } from "node:http";
import { unescape as percentDecoded } from "node:querystring";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Dispatcher } from "undici";
import { hasCode } from "../lib/errors.ts";

const MAX_REDIRECTS = 5;
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];

export interface Page {
  /** Where the page was in the end, after redirects; without credentials. */
  readonly url: URL;
  readonly html: string;
}

/** A page that can't be had; the message is the reason in a few words, without credentials. */
export class PageFailure extends Error {
  override readonly name = "PageFailure";
  /** Whether the server did answer, only not with a page: another address of it may have one. */
  readonly answered: boolean;

  constructor(reason: string, options: { answered: boolean; cause?: unknown }) {
    super(reason, { cause: options.cause });
    this.answered = options.answered;
  }
}

export interface PageAccess {
  /** Must not follow redirects itself. */
  readonly dispatcher: Dispatcher;
  /** Ends everything that is under way when the time is over. */
  readonly deadline: AbortSignal;
  /** The time that `deadline` stands for, for the sentence alone. */
  readonly timeoutSeconds: number;
  /** Of the page after inflating. */
  readonly maxPageBytes: number;
}

/**
 * Reads a page with GET. Follows at most five redirects, to http and https only. User and password of `start` are
 * sent as basic credentials to its own origin and to no other.
 *
 * @throws PageFailure for any status but 200, a network error, a page that is too large, the deadline
 */
export async function fetchPage(start: URL, access: PageAccess): Promise<Page> {
  try {
    return await beforeDeadline(() => followRedirects(start, access), access.deadline);
  } catch (cause) {
    if (cause instanceof PageFailure) throw cause;
    const reason = access.deadline.aborted ? `no answer within ${access.timeoutSeconds} s` : failureReason(cause);
    if (reason === undefined) throw cause;
    throw new PageFailure(reason, { answered: false, cause });
  }
}

async function followRedirects(start: URL, access: PageAccess): Promise<Page> {
  const authorization = basicCredentials(start);
  let url = withoutUser(start);
  for (let redirects = 0; ; redirects++) {
    const response = await access.dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: "GET",
      headers: {
        accept: "text/html, */*;q=0.5",
        "accept-encoding": "gzip",
        "user-agent": "kuiper-plugin-server",
        ...(authorization !== undefined && url.origin === start.origin && { authorization }),
      },
      signal: access.deadline,
    });
    if (response.statusCode === 200) return { url, html: await readBody(response, access) };

    discard(response.body, access.deadline);
    const location = [response.headers.location].flat()[0];
    if (!REDIRECT_STATUSES.includes(response.statusCode) || location === undefined) {
      throw new PageFailure(statusLine(response.statusCode), { answered: true });
    }
    if (redirects === MAX_REDIRECTS) throw new PageFailure(`more than ${MAX_REDIRECTS} redirects`, { answered: true });
    url = redirectTarget(location, url);
  }
}

function redirectTarget(location: string, from: URL): URL {
  const target = URL.canParse(location, from.href) ? withoutUser(new URL(location, from)) : undefined;
  if (target?.protocol !== "http:" && target?.protocol !== "https:") {
    throw new PageFailure("redirect to something that is not http or https", { answered: true });
  }
  return target;
}

/** The text of a body, inflated if the server has sent it as gzip. */
async function readBody({ headers, body }: Dispatcher.ResponseData, access: PageAccess): Promise<string> {
  const encoding = [headers["content-encoding"] ?? "identity"].flat().join(",").trim().toLowerCase();
  const isGzip = encoding === "gzip" || encoding === "x-gzip";
  if (!isGzip && encoding !== "identity") {
    discard(body, access.deadline);
    throw new PageFailure("an encoding that was not asked for", { answered: true });
  }
  const bytes = await readBytes(body, access.maxPageBytes);
  return new TextDecoder().decode(isGzip ? await inflate(bytes, access.maxPageBytes) : bytes);
}

async function readBytes(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

async function inflate(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw hasCode(cause, "ERR_BUFFER_TOO_LARGE") ? tooLarge(maxBytes) : cause;
  }
}

function tooLarge(maxBytes: number): PageFailure {
  return new PageFailure(`page larger than ${maxBytes} bytes`, { answered: false });
}

/** A short body is read to its end, which leaves the connection usable; a long one is cut off. */
function discard(body: Dispatcher.ResponseData["body"], deadline: AbortSignal): void {
  body.dump({ limit: 16_384, signal: deadline }).catch(() => {});
}

/** undici looks at a signal only once it is connected, so the wait itself has to end too. */
async function beforeDeadline<T>(start: () => Promise<T>, deadline: AbortSignal): Promise<T> {
  deadline.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const giveUp = () => reject(deadline.reason);
    deadline.addEventListener("abort", giveUp, { once: true });
    start()
      .then(resolve, reject)
      .finally(() => deadline.removeEventListener("abort", giveUp));
  });
}

/** `querystring` decodes leniently: people write a password's `%` into a URL as it is. */
function basicCredentials({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const pair = `${percentDecoded(username)}:${percentDecoded(password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

function withoutUser(url: URL): URL {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  return plain;
}

function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ""}`.trimEnd();
}

/** Why no page could be had, in a few words for a reply and the log. */

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection closed early",
  UND_ERR_SOCKET: "connection closed early",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "no answer of the name server",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ETIMEDOUT: "no answer while connecting",
  UND_ERR_CONNECT_TIMEOUT: "no answer while connecting",
  UND_ERR_HEADERS_OVERFLOW: "headers too large",
  Z_DATA_ERROR: "broken gzip",
  Z_BUF_ERROR: "broken gzip",
};

const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY|DECRYPT|DECODE)|ALTNAME/;

/** `undefined` for what is no failure of a network, a peer or a library: a mistake of ours, which has no code. */
export function failureReason(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === "HTTPParserError") return "not an HTTP answer"; // undici gives it a code only now and then
  if (!("code" in error) || typeof error.code !== "string") return undefined;
  const { code } = error;
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (CERTIFICATE_CODE.test(code)) return `certificate not trusted (${code})`;
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") return "no HTTPS there";
  return `failed (${code})`;
}
