import type { Log } from "../lib/log.ts";

/** Who a verified token was issued to. */
export interface TokenHolder {
  readonly subject: string;
  readonly issuer: string;
}

/** Who sent a request, and the log of that request. */
export interface Caller {
  /** The address that the request came from. */
  readonly address: string;
  /** Undefined where the server does not ask for tokens. */
  readonly token: TokenHolder | undefined;
  readonly requestId: string;
  readonly log: Log;
}
