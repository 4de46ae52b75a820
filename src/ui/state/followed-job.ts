import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { api } from "../api/calls.ts";
import { followJob } from "../api/events.ts";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import type { Job } from "../api/shapes.ts";

/** A job as it goes on. */
export interface FollowedJob {
  readonly job: ReadonlySignal<Job | undefined>;
  /** What install.sh has printed so far, at most its last 64 Ki characters. */
  readonly output: ReadonlySignal<string>;
  /** Why it can't be followed: the server does not know it any more. */
  readonly failure: ReadonlySignal<ApiFailure | undefined>;
}

const MAX_OUTPUT = 64 * 1024;
const AGAIN_MS = 2000;

/** Follows a job until its end, through restarts of the server and pauses of the line. */
export function useJob(id: string, onEnd?: (job: Job) => void): FollowedJob {
  const followed = useMemo(() => new Followed(id), [id]);
  // It ends once, for whoever started to follow it.
  useEffect(() => followed.start(onEnd), [followed]);
  return followed;
}

class Followed implements FollowedJob {
  readonly job = signal<Job | undefined>(undefined);
  readonly output = signal("");
  readonly failure = signal<ApiFailure | undefined>(undefined);
  readonly #id: string;

  constructor(id: string) {
    this.#id = id;
  }

  start(onEnd: ((job: Job) => void) | undefined): () => void {
    const left = new AbortController();
    void this.#follow(left.signal).then((job) => job !== undefined && !left.signal.aborted && onEnd?.(job));
    return () => left.abort();
  }

  async #follow(signal: AbortSignal): Promise<Job | undefined> {
    while (!signal.aborted) {
      try {
        this.job.value = await api.job(this.#id, signal);
        if (this.job.value.result !== undefined) return this.job.value;
        this.output.value = ""; // the stream begins with what was printed before
        const ended = await followJob(this.#id, this.#watcher, signal);
        if (ended !== undefined) return ended;
      } catch (error) {
        if (signal.aborted) return undefined;
        const failure = asFailure(error);
        if (failure.code !== "NO_ANSWER" && failure.code !== "NO_ANSWER_IN_TIME" && failure.code !== "TOO_BUSY") {
          this.failure.value = failure;
          return undefined;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    return undefined;
  }

  readonly #watcher = {
    progress: (job: Job) => {
      this.job.value = job;
    },
    output: (text: string) => {
      this.output.value = (this.output.value + text).slice(-MAX_OUTPUT);
    },
  };
}
