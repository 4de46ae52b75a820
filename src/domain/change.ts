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

/** What a restart of the engine goes through; after `undo` it goes through those from `restart` to `verify` once more. */
export const RESTART_STAGES = ["waiting", "snapshot", "restart", "wait", "settle", "verify", "undo"] as const;

export type Stage = (typeof STAGES)[number] | (typeof RESTART_STAGES)[number];

/** A job is a change that is in progress, or has ended. `interrupted`: the end of the server cut it off. */
export const JOB_STATES = ["waiting", "running", "done", "failed", "cancelled", "interrupted"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** `restart`: of the engine. */
export const JOB_ACTIONS = ["install", "update", "rollback", "register", "delete", "restart"] as const;
export type JobAction = (typeof JOB_ACTIONS)[number];

/** Receives how far a change has come. */
export interface Progress {
  stage(stage: Stage): void;
  /** Bytes of the stage so far, and of the whole where it is known; they fall back to 0 when it starts again. */
  bytes(done: number, total?: number): void;
  /** What install.sh prints, as it comes. */
  output(chunk: Uint8Array): void;
}

/** For work whose progress nobody follows. */
export const UNWATCHED: Progress = { stage() {}, bytes() {}, output() {} };

/** How much of what install.sh prints is kept, in bytes: the end, which says why it failed, on some screens. */
export const KEPT_OUTPUT_BYTES = 64 * 1024;
