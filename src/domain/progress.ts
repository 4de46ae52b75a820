/** What an install goes through, in this order; an update and a rollback go through some of them. */
export const STAGES = ["waiting", "download", "check", "unpack", "inspect", "script", "commit"] as const;
export type Stage = (typeof STAGES)[number];

/** Receives how far a change has come. */
export interface Progress {
  stage(stage: Stage): void;
  /** Bytes of the stage so far, and of the whole where it is known; they fall back to 0 when it starts again. */
  bytes(done: number, total?: number): void;
}

/** For work whose progress nobody follows. */
export const UNWATCHED: Progress = { stage() {}, bytes() {} };
