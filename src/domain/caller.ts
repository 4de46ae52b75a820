import type { Log } from "../lib/log.ts";

/** Who asked, as a verified token says. */
export interface TokenHolder {
  readonly subject: string;
  readonly issuer: string;
}

/** Who wants a change, and where to log what becomes of it. */
export interface Caller {
  /** The address that the request came from. */
  readonly address: string;
  /** Undefined where the server does not ask for tokens. */
  readonly token: TokenHolder | undefined;
  readonly requestId: string;
  readonly log: Log;
}
