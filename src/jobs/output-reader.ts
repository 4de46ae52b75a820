import { fromCharacter } from "../lib/terminal-text.ts";
import type { JobReading } from "./job.ts";
import { leftOut } from "./job-output.ts";

/** What install.sh prints in a job, for one who follows it. It needs no memory for those who are slow. */
export class OutputReader {
  readonly #job: JobReading;
  #position = 0;

  constructor(job: JobReading) {
    this.#job = job;
  }

  /** What was printed since it was last asked; a part that is not kept any more is said to be left out. Empty for nothing. */
  next(): string {
    const text = this.#job.output?.text;
    if (text === undefined || text.total === this.#position) return "";
    const { bytes, dropped } = text.since(this.#position);
    this.#position = text.total;
    const whole = Buffer.from(dropped > 0 ? fromCharacter(bytes) : bytes).toString();
    return dropped > 0 ? leftOut(dropped) + whole : whole;
  }
}
