import { hasCode, systemMessage } from "../lib/errors.ts";
import { quoted } from "../lib/text.ts";

interface FailureDetails {
  readonly brief?: string;
  readonly retry?: boolean;
  readonly absent?: boolean;
  readonly answered?: boolean;
  readonly cause?: unknown;
}

/**
 * Why something could not be fetched. The message may be shown to clients: it has neither credentials nor query
 * values. The cause is for the log.
 */
export class FetchFailure extends Error {
  override readonly name = "FetchFailure";
  /** The message in a few words, for where the host is named anyway. */
  readonly brief: string;
  /** Whether the same request may well succeed a moment later. */
  readonly retry: boolean;
  /** Whether the answer was that there is no such file. */
  readonly absent: boolean;
  /** Whether the host did answer, but not with what was asked for: another path of it may have that. */
  readonly answered: boolean;

  constructor(message: string, details: FailureDetails = {}) {
    super(message, { cause: details.cause });
    this.brief = details.brief ?? message;
    this.retry = details.retry ?? false;
    this.absent = details.absent ?? false;
    this.answered = details.answered ?? false;
  }
}

/** The longest name of a host has 253 characters; a URL takes longer ones all the same. */
const MAX_HOST_SHOWN = 260;

const BRIEF: Readonly<Record<string, string>> = {
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ETIMEDOUT: "no answer while connecting",
};

/** What the HTTP parser's codes mean, for those that real hosts cause although it is lenient. */
const MALFORMED: Readonly<Record<string, string>> = {
  HPE_CLOSED_CONNECTION: "there is more after its end",
  HPE_INVALID_CHUNK_SIZE: "the size of a chunk is no hexadecimal number",
  HPE_INVALID_CONSTANT: "it does not begin with HTTP/1.",
  HPE_INVALID_CONTENT_LENGTH: "its Content-Length is no number",
  HPE_INVALID_HEADER_TOKEN: "a header has a forbidden character in its name, such as a blank",
  HPE_INVALID_STATUS: "its status is no number of three digits",
  HPE_INVALID_VERSION: "its version of HTTP is neither 1.0 nor 1.1",
  HPE_UNEXPECTED_CONTENT_LENGTH: "it has more than one Content-Length",
};

/** A failure to reach, or of, the proxy rather than of the host behind it. */
export function ofProxy(failure: unknown): unknown {
  if (!(failure instanceof FetchFailure) || failure.message.startsWith("the proxy ")) return failure;
  const { message, brief, retry, absent, answered, cause } = failure;
  return new FetchFailure(`the proxy failed: ${message}`, { brief: `proxy: ${brief}`, retry, absent, answered, cause });
}

/** The failure that is reported when a connection or a request to an `address` (`host:port`) failed. */
export function networkFailure(cause: unknown, address: string): FetchFailure {
  if (cause instanceof FetchFailure) return cause;
  const host = quoted(address, MAX_HOST_SHOWN);
  if (hasCode(cause, "ECONNREFUSED")) {
    // Not tried again: the answer came at once and is clear.
    return new FetchFailure(`dial tcp ${host}: connect: connection refused`, { brief: "connection refused", cause });
  }
  const name = host.replace(/:\d+$/, "");
  if (hasCode(cause, "ENOTFOUND")) {
    return new FetchFailure(`dial tcp: lookup ${name}: no such host`, { brief: "no such host", cause });
  }
  if (hasCode(cause, "EAI_AGAIN")) {
    return new FetchFailure(`dial tcp: lookup ${name}: temporary failure in name resolution`, {
      brief: "no answer of the name server",
      retry: true,
      cause,
    });
  }
  if (hasCode(cause, "ECONNRESET", "EPIPE")) {
    return new FetchFailure(`read tcp ${host}: connection reset by peer`, {
      brief: "connection closed early",
      retry: true,
      cause,
    });
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "HPE_HEADER_OVERFLOW") {
    return new FetchFailure(`the headers of the reply of ${host} are too long`, { brief: "headers too large", cause });
  }
  if (code.startsWith("HPE_")) {
    const reason = MALFORMED[code] ?? (cause as { reason?: string }).reason ?? code;
    return new FetchFailure(`malformed HTTP response of ${host}: ${reason}`, { brief: "not an HTTP answer", cause });
  }
  return new FetchFailure(`dial tcp ${host}: ${systemMessage(cause)}`, {
    brief: BRIEF[code] ?? `failed (${code || "unknown error"})`,
    retry: code === "ETIMEDOUT",
    cause,
  });
}

/** @param seconds `pluginDownload.idleTimeoutSeconds` */
export function idleFailure(seconds: number): FetchFailure {
  return new FetchFailure(`the host sent nothing for ${seconds} s (pluginDownload.idleTimeoutSeconds)`, {
    retry: true,
  });
}

/** The failure of a body that ends too early. */
export function unexpectedEnd(cause?: unknown, brief = "connection closed early"): FetchFailure {
  return new FetchFailure("unexpected EOF", { brief, retry: true, cause });
}
