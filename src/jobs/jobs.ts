import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import { JOB_STATES, type Job, type JobState } from "./job.ts";

/** Which jobs to list. */
interface JobFilter {
  readonly states: readonly JobState[];
  /** The most that are listed. */
  readonly limit: number;
  /** The `next` of the page before; undefined begins with the newest job. */
  readonly cursor: number | undefined;
}

interface JobPage {
  readonly jobs: readonly Job[];
  /** Where the next page begins; undefined if there is no older job. */
  readonly next: number | undefined;
}

/**
 * The changes that clients did not wait for: those in progress, and the last ones that ended. In memory only, so a
 * restart forgets them. Those in progress are bounded by the queue of changes, through which their work goes.
 */
export class Jobs {
  readonly #limits: Config["jobs"];
  /** In the order in which they came. */
  readonly #jobs = new Map<string, Job>();
  /** Of each job: its number among all that ever came. */
  readonly #numbers = new WeakMap<Job, number>();
  #count = 0;
  /** In the order in which they ended. */
  readonly #ended = new Set<string>();
  #watchers = 0;

  constructor(limits: Config["jobs"]) {
    this.#limits = limits;
  }

  /** Adds a job, which may have ended already. */
  add(job: Job): void {
    this.#count += 1;
    this.#numbers.set(job, this.#count);
    this.#jobs.set(job.id, job);
    void job.ended.then(() => this.#retire(job.id));
  }

  /** @throws PluginError JOB_NOT_FOUND */
  get(id: string): Job {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new PluginError("JOB_NOT_FOUND", "not found");
    return job;
  }

  /** The newest first. */
  list(): readonly Job[] {
    return [...this.#jobs.values()].reverse();
  }

  /** How many there are in each state. */
  get counts(): Readonly<Record<JobState, number>> {
    const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;
    for (const { state } of this.#jobs.values()) counts[state] += 1;
    return counts;
  }

  /** A part of `list`. Jobs that come or go between two pages make no other one appear twice or not at all. */
  page({ states, limit, cursor = Number.POSITIVE_INFINITY }: JobFilter): JobPage {
    const older = this.list().filter((job) => this.#numberOf(job) < cursor && states.includes(job.state));
    const jobs = older.slice(0, limit);
    const last = jobs.at(-1);
    return { jobs, next: last !== undefined && older.length > limit ? this.#numberOf(last) : undefined };
  }

  /**
   * Cancels a job and undoes its change. Resolves when it has ended: as done, if it was too late.
   *
   * @throws PluginError JOB_NOT_FOUND, JOB_ENDED
   */
  async cancel(id: string): Promise<Job> {
    const job = this.get(id);
    if (job.result !== undefined) throw new PluginError("JOB_ENDED", `the job has already ended: ${job.state}`);
    job.cancel();
    await job.ended;
    return job;
  }

  /**
   * Calls the listener after each change of a job, until the returned function is called. It has to be called, since
   * the number of watchers is bounded.
   *
   * @throws PluginError TOO_BUSY
   */
  watch(job: Job, listener: () => void): () => void {
    if (this.#watchers >= this.#limits.maxWatchers) {
      throw new PluginError(
        "TOO_BUSY",
        "too many clients follow jobs at the moment (jobs.maxWatchers); ask for the job itself from time to time",
      );
    }
    this.#watchers += 1;
    const leave = job.watch(listener);
    let watching = true;
    return () => {
      if (!watching) return;
      watching = false;
      this.#watchers -= 1;
      leave();
    };
  }

  #numberOf(job: Job): number {
    return this.#numbers.get(job) ?? 0;
  }

  #retire(id: string): void {
    this.#ended.add(id);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= this.#limits.keep) break;
      this.#ended.delete(oldest);
      this.#jobs.delete(oldest);
    }
  }
}
