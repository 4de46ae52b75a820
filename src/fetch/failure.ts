import { hasCode, systemMessage } from "../lib/errors.ts";

/**
 * Why a download did not succeed: a reason that may be shown, without credentials or query values. The cause is for
 * the log.
 */
export class DownloadFailure extends Error {
  override readonly name = "DownloadFailure";
  /** Whether the same request may well succeed a moment later. */
  readonly retry: boolean;
  /** Whether the answer was that there is no such file. */
  readonly absent: boolean;

  constructor(reason: string, options: { retry?: boolean; absent?: boolean; cause?: unknown } = {}) {
    super(reason, options);
    this.retry = options.retry ?? false;
    this.absent = options.absent ?? false;
  }
}

/** What a failed connection or a failed request to `host` (with its port) is told as. */
export function networkFailure(cause: unknown, host: string): DownloadFailure {
  if (cause instanceof DownloadFailure) return cause;
  if (hasCode(cause, "ECONNREFUSED")) {
    // Not tried again: the answer came at once and is clear.
    return new DownloadFailure(`dial tcp ${host}: connect: connection refused`, { cause });
  }
  const name = host.replace(/:\d+$/, "");
  if (hasCode(cause, "ENOTFOUND")) return new DownloadFailure(`dial tcp: lookup ${name}: no such host`, { cause });
  if (hasCode(cause, "EAI_AGAIN")) {
    return new DownloadFailure(`dial tcp: lookup ${name}: temporary failure in name resolution`, {
      retry: true,
      cause,
    });
  }
  if (hasCode(cause, "ECONNRESET", "EPIPE")) {
    return new DownloadFailure(`read tcp ${host}: connection reset by peer`, { retry: true, cause });
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "HPE_HEADER_OVERFLOW") {
    return new DownloadFailure(`the headers of the reply of ${host} are too long`, { cause });
  }
  if (code.startsWith("HPE_")) return new DownloadFailure(`malformed HTTP response of ${host} (${code})`, { cause });
  return new DownloadFailure(`dial tcp ${host}: ${systemMessage(cause)}`, { retry: code === "ETIMEDOUT", cause });
}
