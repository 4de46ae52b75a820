import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { tokenWanted } from "../api/access.ts";
import { api } from "../api/calls.ts";
import { followJob } from "../api/events.ts";
import { type ApiFailure, asFailure, isSaidElsewhere } from "../api/failure.ts";
import type { Job } from "../api/shapes.ts";

/** A job as it goes on. */
export interface FollowedJob {
  readonly job: ReadonlySignal<Job | undefined>;
  /** What install.sh has printed so far, at most its last 64 Ki characters. */
  readonly output: ReadonlySignal<string>;
  /** Why it can't be followed: the server does not know it any more, or it can't be asked for now. */
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
  /** Whether the next output is all that was printed so far. */
  #isAnew = false;

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
        // Asked again with the next token: each refusal is a line of the audit.
        const ended = tokenWanted.peek() === undefined ? await this.#look(signal) : undefined;
        if (ended !== undefined) return ended;
      } catch (error) {
        if (signal.aborted) return undefined;
        const failure = asFailure(error);
        if (!isSaidElsewhere(failure) && !isPassing(failure)) this.failure.value = failure;
        if (isFinal(failure)) return undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    return undefined;
  }

  /** @returns the job, where it has ended */
  async #look(signal: AbortSignal): Promise<Job | undefined> {
    this.job.value = await api.job(this.#id, signal);
    this.failure.value = undefined;
    // Of a job that has ended after its events broke off, the last lines are still to come: they have the cause.
    if (this.job.value.result !== undefined && this.output.value === "") return this.job.value;
    this.#isAnew = true;
    return followJob(this.#id, this.#watcher, signal);
  }

  readonly #watcher = {
    progress: (job: Job) => {
      this.job.value = job;
    },
    output: (text: string) => {
      this.output.value = ((this.#isAnew ? "" : this.output.value) + text).slice(-MAX_OUTPUT);
      this.#isAnew = false;
    },
  };
}

/** Whether the next question, a moment later, may well be answered. */
function isPassing({ code }: ApiFailure): boolean {
  return code === "NO_ANSWER_IN_TIME" || code === "TOO_BUSY";
}

/** Whether the same question would be answered alike; a server that stops, or a proxy before it, answers otherwise later. */
function isFinal({ code, status }: ApiFailure): boolean {
  return code !== "UNAUTHENTICATED" && code !== "UNREADABLE" && status >= 400 && status < 500;
}
