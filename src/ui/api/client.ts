import { token, tokenWasForbidden, tokenWasRefused } from "./access.ts";
import { serverAnswered, serverIsAway } from "./connection.ts";
import { ApiFailure, type FailureCode } from "./failure.ts";

export interface CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Default: 30, as long as the engine is asked for the longest page. */
  readonly seconds?: number;
}

export interface Reply<T> {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON, or the text of a reply that is none. */
  readonly body: T;
}

/** One folder above the page: what is before it belongs to a proxy. */
const ROOT = new URL("../", document.baseURI);

/** The address of a path of the API, such as `/plugins`. */
export function apiUrl(path: string): string {
  return new URL(path.replace(/^\/+/, ""), ROOT).href;
}

/** What every request has: who asks, and that failures come as JSON. */
export function requestHeaders(): Record<string, string> {
  const bearer = token.value === "" ? {} : { authorization: `Bearer ${token.value}` };
  return { accept: "application/json", ...bearer };
}

/** @throws ApiFailure; what the caller's own signal was aborted with */
export function call<T>(path: string, options: CallOptions = {}): Promise<Reply<T>> {
  // The body, too: a line that goes dead in the middle of it does not say so.
  return inTime(options, async (limit) => {
    const response = await ask(path, options, limit);
    const { status, headers } = response;
    const text = await response.text();
    const isJson = /\bjson\b/.test(headers.get("content-type") ?? "");
    try {
      return { status, headers, body: (isJson && text !== "" ? JSON.parse(text) : text) as T };
    } catch {
      throw new ApiFailure("UNREADABLE", status, text.slice(0, 200));
    }
  });
}

/** The response to a request that was not refused; its body may take any time. @throws like `call` */
export function send(path: string, options: CallOptions = {}): Promise<Response> {
  return inTime(options, (limit) => ask(path, options, limit));
}

async function inTime<T>({ signal, seconds = 30 }: CallOptions, work: (limit: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController();
  const end = () => limit.abort(signal?.reason);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  const timer = setTimeout(() => limit.abort(new ApiFailure("NO_ANSWER_IN_TIME", 0, "")), seconds * 1000);
  try {
    return await work(limit.signal);
  } catch (error) {
    const failure = limit.signal.aborted ? limit.signal.reason : error;
    if (signal?.aborted) throw failure; // nobody waits for it
    const shown = failure instanceof ApiFailure ? failure : new ApiFailure("NO_ANSWER", 0, "");
    if (shown.code === "NO_ANSWER" || shown.code === "NO_ANSWER_IN_TIME") serverIsAway();
    throw shown;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

async function ask(path: string, options: CallOptions, limit: AbortSignal): Promise<Response> {
  const { method = "GET", json, headers } = options;
  const usedToken = token.value;
  const response = await fetch(apiUrl(path), {
    method,
    headers: { ...requestHeaders(), ...(json !== undefined && { "content-type": "application/json" }), ...headers },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    signal: limit,
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
  });
  if (!response.ok) throw refused(response.status, await response.text().catch(() => ""), usedToken);
  serverAnswered();
  return response;
}

/** The failure that a refusal is. What it says of the server and of the token is known to all of the page from now on. */
export function refused(status: number, text: string, usedToken: string): ApiFailure {
  const failure = failureOf(status, text);
  if (failure.code === "NO_ANSWER") serverIsAway();
  else serverAnswered();
  if (failure.code === "UNAUTHENTICATED") tokenWasRefused(usedToken, failure.message);
  if (failure.code === "FORBIDDEN") tokenWasForbidden(usedToken);
  return failure;
}

/** What a proxy means by a page of its own: there is no server behind it, or it has a limit for what is sent. */
const OF_PROXIES: Readonly<Record<number, FailureCode>> = {
  413: "BODY_TOO_LARGE",
  502: "NO_ANSWER",
  503: "NO_ANSWER",
  504: "NO_ANSWER",
};

function failureOf(status: number, text: string): ApiFailure {
  try {
    const { error, message } = JSON.parse(text) as { error?: FailureCode; message?: string };
    if (typeof error === "string") return new ApiFailure(error, status, message ?? "");
  } catch {
    // a proxy's page
  }
  return new ApiFailure(OF_PROXIES[status] ?? "UNREADABLE", status, text.slice(0, 200));
}
