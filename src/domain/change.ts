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

/** What an install goes through, in this order; an update and a rollback go through some of them. */
export const STAGES = ["waiting", "download", "check", "unpack", "inspect", "script", "commit", "activate"] as const;
export type Stage = (typeof STAGES)[number];

/** Receives how far a change has come. */
export interface Progress {
  stage(stage: Stage): void;
  /** Bytes of the stage so far, and of the whole where it is known; they fall back to 0 when it starts again. */
  bytes(done: number, total?: number): void;
}

/** For work whose progress nobody follows. */
export const UNWATCHED: Progress = { stage() {}, bytes() {} };
