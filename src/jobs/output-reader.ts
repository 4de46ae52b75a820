import { fromCharacter, TerminalText } from "../lib/terminal-text.ts";
import type { JobReading } from "./job.ts";

/** What install.sh prints in a job, for one who follows it. It needs no memory for those who are slow. */
export class OutputReader {
  readonly #job: JobReading;
  readonly #text = new TerminalText();
  #position = 0;

  constructor(job: JobReading) {
    this.#job = job;
  }

  /** What was printed since it was last asked; a part that is not kept any more is said to be left out. Empty for nothing. */
  next(): string {
    const { output } = this.#job;
    if (output === undefined || output.total === this.#position) return "";
    const { bytes, dropped } = output.since(this.#position);
    this.#position = output.total;
    if (dropped === 0) return this.#text.take(bytes);
    const before = this.#text.end();
    return `${before}\n[${dropped} bytes are left out here]\n${this.#text.take(fromCharacter(bytes))}`;
  }

  /** The rest, when the job has ended. */
  end(): string {
    return this.next() + this.#text.end();
  }
}
