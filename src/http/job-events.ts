import { Readable } from "node:stream";
import type { JobReading } from "../jobs/job.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { OutputReader } from "../jobs/output-reader.ts";

interface EventOptions {
  /** What was printed in a job that has ended and does not have it in memory. */
  readonly printed?: string;
  /** The least time between two events in which only the bytes have changed. */
  readonly progressMs: number;
  /** Between two heartbeats. A client that reads nothing for two of them is disconnected. */
  readonly heartbeatMs: number;
}

const OPTIONS: EventOptions = { progressMs: 200, heartbeatMs: 15_000 };

/** Bytes of events that wait for a slow client; further events are dropped. */
const MAX_WAITING_BYTES = 16 * 1024;

/**
 * The events of a job as text/event-stream: `progress` with its state as it is now and as it changes, `output` with what
 * install.sh has printed and prints, then `end` with the result. A client that reads slowly gets fewer events, and is told
 * which output is left out, but always the end.
 */
export class JobEvents extends Readable {
  readonly #job: JobReading;
  readonly #options: EventOptions;
  readonly #output: OutputReader;
  readonly #unwatch: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  #next: NodeJS.Timeout | undefined;
  /** Whether the client is ready for more. */
  #isReady = false;
  /** Whether it read nothing since the last heartbeat. */
  #isStalled = false;
  #isOver = false;
  #sentAt = 0;
  #sentRevision = -1;
  #sentStage = "";

  /** @throws PluginError TOO_BUSY */
  constructor(jobs: Jobs, job: JobReading, options: Partial<EventOptions> = {}) {
    super({ highWaterMark: 1 });
    this.#job = job;
    this.#options = { ...OPTIONS, ...options };
    this.#output = new OutputReader(job);
    this.#unwatch = jobs.watch(job, () => this.#changed());
    this.#heartbeat = setInterval(() => this.#beat(), this.#options.heartbeatMs);
  }

  /** Ends the stream before the job has ended: the server is shutting down. */
  stop(): void {
    if (!this.#isOver) this.push(null);
    this.#isOver = true;
  }

  override _read(): void {
    this.#isReady = true;
    if (this.#job.result !== undefined) this.#end();
    else {
      this.#sendWhenDue();
      this.#printWhenReady();
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#unwatch();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#next);
    callback(error);
  }

  #changed(): void {
    if (this.#isOver) return;
    if (this.#job.result !== undefined) this.#end();
    else if (this.#job.stage !== this.#sentStage && this.readableLength < MAX_WAITING_BYTES) this.#send("progress");
    else {
      this.#sendWhenDue();
      this.#printWhenReady();
    }
  }

  #sendWhenDue(): void {
    if (!this.#isReady || this.#isOver || this.#next !== undefined || this.#job.revision === this.#sentRevision) return;
    const wait = this.#sentAt + this.#options.progressMs - performance.now();
    if (this.#sentRevision < 0 || wait <= 0) this.#send("progress");
    else this.#next = setTimeout(() => this.#sendLate(), wait);
  }

  #sendLate(): void {
    this.#next = undefined;
    this.#sendWhenDue();
  }

  /** Of what is printed meanwhile, the end is kept for the next time. */
  #printWhenReady(): void {
    if (this.#isReady && !this.#isOver) this.#print(this.#output.next());
  }

  #print(text: string): void {
    if (text === "") return;
    this.#isReady = false;
    this.push(`event: output\ndata: ${JSON.stringify({ text })}\n\n`);
  }

  #send(event: "progress" | "end"): void {
    this.#sentAt = performance.now();
    this.#sentRevision = this.#job.revision;
    this.#sentStage = this.#job.stage;
    this.#isReady = false;
    this.push(`id: ${this.#sentRevision}\nevent: ${event}\ndata: ${JSON.stringify(this.#job.view())}\n\n`);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#print(this.#output.next() || (this.#options.printed ?? ""));
    this.#send("end");
    this.push(null);
  }

  /** Sends a comment: proxies see that the connection is alive, and we that the client is. */
  #beat(): void {
    if (this.#isReady && !this.#isOver) this.push(": the job is in progress\n\n");
    else if (this.#isStalled) this.destroy();
    this.#isStalled = !this.#isReady;
    this.#isReady = false;
  }
}
