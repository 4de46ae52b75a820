import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import { JOB_STATES, type JobState, KEPT_OUTPUT_BYTES } from "../domain/change.ts";
import { PluginError, rethrowStorageError } from "../domain/errors.ts";
import type { Log } from "../lib/log.ts";
import { terminalText } from "../lib/terminal-text.ts";
import { within } from "../lib/within.ts";
import type { Job, JobReading, JobView } from "./job.ts";
import { JobLogs } from "./job-logs.ts";
import { JobRecordFile } from "./job-record-file.ts";
import { interrupted, PastJob, type Recovered } from "./past-job.ts";

interface JobsOptions {
  readonly limits: Config["jobs"];
  /** Where jobs are recorded; made when it is needed. */
  readonly folder: string;
  /** What became of a change that an earlier process did not end. */
  readonly recovered: (job: JobView) => Recovered;
  readonly log: Log;
}

/** Which jobs to list. */
interface JobFilter {
  readonly states: readonly JobState[];
  /** The most that are listed. */
  readonly limit: number;
  /** The `next` of the page before; undefined begins with the newest job. */
  readonly cursor: number | undefined;
}

interface JobPage {
  readonly jobs: readonly JobReading[];
  /** Where the next page begins; undefined if there is no older job. */
  readonly next: number | undefined;
}

const RECORD_MS = 1000;

/** Between the end of a change in the queue and that of its job: its zip is removed. */
const LAST_JOB_MS = 1000;

/** The number of the first job of a process: those of earlier ones, which are found later, have lower ones. */
const FIRST_NUMBER = 1_000_000;

/**
 * All changes: those in progress, and the last ones that ended, in this process or an earlier one. Those in progress are
 * bounded by the queue of changes, through which their work goes.
 */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #record: JobRecordFile;
  readonly #logs: JobLogs;
  /** Of this process, in the order in which they came. */
  readonly #jobs = new Map<string, Job>();
  /** Of earlier ones, in the order in which they came. Read when somebody asks for jobs: a start does not need them. */
  readonly #past = new Map<string, PastJob>();
  #reading: Promise<void> | undefined;
  #isRewriting = false;
  /** Of each job: its number among all that ever came. */
  readonly #numbers = new WeakMap<JobReading, number>();
  #count = FIRST_NUMBER;
  /** In the order in which they ended. */
  readonly #ended = new Set<string>();
  readonly #keeping = new Set<Promise<void>>();
  #watchers = 0;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#record = new JobRecordFile(join(options.folder, "jobs.jsonl"), options.log);
    this.#logs = new JobLogs(options.folder);
  }

  /** Adds a job, which may have ended already. */
  add(job: Job): void {
    this.#count += 1;
    this.#numbers.set(job, this.#count);
    this.#jobs.set(job.id, job);
    if (job.result === undefined) this.#record.add({ job: job.view() });
    job.onStage = (stage) => this.#record.add({ id: job.id, stage });
    void job.ended.then(() => {
      this.#keep(this.#retire(job));
    });
  }

  /**
   * Resolves when the jobs so far are recorded, or could not be: then they are found after a kill, too. A disk that hangs
   * keeps nobody waiting for longer than a second.
   */
  async recorded(): Promise<void> {
    await within(this.#record.written(), RECORD_MS, undefined);
  }

  /** What a client is told of a job is recorded then. @throws PluginError JOB_NOT_FOUND */
  async find(id: string): Promise<JobReading> {
    const job = this.#jobs.get(id) ?? (await this.#findPast(id));
    if (job === undefined) throw new PluginError("JOB_NOT_FOUND", "not found");
    await this.recorded();
    return job;
  }

  /** The newest first. */
  async list(): Promise<readonly JobReading[]> {
    await this.#readPast();
    await this.recorded();
    return [...this.#past.values(), ...this.#jobs.values()].reverse();
  }

  /** How many there are in each state. */
  async counts(): Promise<Readonly<Record<JobState, number>>> {
    const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;
    for (const { state } of await this.list()) counts[state] += 1;
    return counts;
  }

  /** A part of `list`. Jobs that come or go between two pages make no other one appear twice or not at all. */
  async page({ states, limit, cursor = Number.POSITIVE_INFINITY }: JobFilter): Promise<JobPage> {
    const all = await this.list();
    const older = all.filter((job) => this.#numberOf(job) < cursor && states.includes(job.state));
    const jobs = older.slice(0, limit);
    const last = jobs.at(-1);
    return { jobs, next: last !== undefined && older.length > limit ? this.#numberOf(last) : undefined };
  }

  /**
   * Cancels a job and undoes its change. Resolves when it has ended: as done, if it was too late.
   *
   * @throws PluginError JOB_NOT_FOUND, JOB_ENDED
   */
  async cancel(id: string): Promise<JobReading> {
    const job = this.#jobs.get(id);
    if (job === undefined || job.result !== undefined) {
      const { state } = await this.find(id);
      throw new PluginError("JOB_ENDED", `the job has already ended: ${state}`);
    }
    job.cancel();
    await job.ended;
    return job;
  }

  /**
   * What install.sh printed in that job, so far or in all: the end of it.
   *
   * @returns undefined where it printed nothing, or that is not kept any more
   * @throws PluginError of the storage
   */
  async printed(job: JobReading): Promise<string | undefined> {
    if (job.output !== undefined) return terminalText(job.output.printed.since(0).bytes, KEPT_OUTPUT_BYTES);
    return job.view().log === undefined ? undefined : this.#logs.read(job.id).catch(rethrowStorageError);
  }

  /**
   * Calls the listener after each change of a job, until the returned function is called. It has to be called, since
   * the number of watchers is bounded.
   *
   * @throws PluginError TOO_BUSY
   */
  watch(job: JobReading, listener: () => void): () => void {
    if (this.#watchers >= this.#options.limits.maxWatchers) {
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

  /** To be called when the queue of changes is closed. Resolves when all that has ended is recorded. */
  async close(): Promise<void> {
    const ended = Promise.all([...this.#jobs.values()].map((job) => job.ended));
    await within(ended, LAST_JOB_MS, undefined);
    await Promise.all(this.#keeping);
    await this.#record.close();
  }

  #numberOf(job: JobReading): number {
    return this.#numbers.get(job) ?? 0;
  }

  /** Nobody waits for it but the end of this process: the next one has the folder for itself. */
  #keep(work: Promise<void>): void {
    this.#keeping.add(work);
    void work.finally(() => this.#keeping.delete(work));
  }

  async #retire(job: Job): Promise<void> {
    this.#record.add({ job: job.view() });
    this.#ended.add(job.id);
    this.#dropOldest();
    if (job.output !== undefined) await this.#keepOutput(job);
    if (this.#record.isLong) await this.#rewrite();
  }

  /** Where that fails it stays in memory, as long as the job. */
  async #keepOutput(job: Job): Promise<void> {
    const text = await this.printed(job);
    try {
      await this.#logs.write(job.id, text ?? "");
      job.dropOutput();
    } catch (err) {
      this.#options.log.error(
        { err, job: job.id },
        "what install.sh printed can't be kept over a restart of the server",
      );
    }
    if (!this.#jobs.has(job.id)) await this.#logs.remove(job.id); // it was dropped meanwhile
  }

  #dropOldest(): void {
    const { keep } = this.#options.limits;
    for (const [id, job] of this.#past) {
      if (this.#past.size + this.#ended.size <= keep) return;
      this.#past.delete(id);
      this.#dropLog(job);
    }
    for (const id of this.#ended) {
      if (this.#ended.size <= keep) return;
      const job = this.#jobs.get(id);
      this.#ended.delete(id);
      this.#jobs.delete(id);
      if (job !== undefined) this.#dropLog(job);
    }
  }

  #dropLog(job: JobReading): void {
    if (job.view().log !== undefined) this.#keep(this.#logs.remove(job.id));
  }

  async #findPast(id: string): Promise<PastJob | undefined> {
    await this.#readPast();
    return this.#past.get(id);
  }

  #readPast(): Promise<void> {
    this.#reading ??= this.#read();
    return this.#reading;
  }

  async #read(): Promise<void> {
    const read = await this.#record.read();
    if (read === undefined) {
      this.#reading = undefined; // the next one who asks may have more luck
      return;
    }
    const views = read.filter(({ id }) => !this.#jobs.has(id));
    const room = Math.max(0, this.#options.limits.keep - this.#ended.size);
    const kept = room === 0 ? [] : views.slice(-room);
    for (const [index, view] of kept.entries()) {
      const isOver = view.result !== undefined;
      const job = new PastJob(isOver ? view : interrupted(view, this.#options.recovered(view)));
      if (!isOver) this.#record.add({ job: job.view() }); // what is known of it now is not at the next start
      this.#past.set(job.id, job);
      this.#numbers.set(job, FIRST_NUMBER - kept.length + 1 + index);
    }
    this.#keep(this.#logs.sweep((id) => this.#past.has(id) || this.#jobs.has(id)));
  }

  async #rewrite(): Promise<void> {
    if (this.#isRewriting) return;
    this.#isRewriting = true;
    await this.#readPast();
    if (this.#reading !== undefined) {
      await this.#record.rewrite(() =>
        [...this.#past.values(), ...this.#jobs.values()].map((job) => ({ job: job.view() })),
      );
    }
    this.#isRewriting = false;
  }
}
