import type { JobView } from "../server/job-view.ts";
import type { Output } from "./output.ts";
import { safeLines } from "./output.ts";
import { bytesWords, stageWords } from "./words.ts";

/** A line that install.sh does not end, such as a row of dots, is shown in pieces: kept, it would grow for as long as it runs. */
const MAX_UNFINISHED = 16 * 1024;

/** Shows how a change goes on, on standard error. */
export interface ChangeDisplay {
  /** Bytes of a local zip that the server has taken. */
  sending(bytes: number, total: number): void;
  job(job: JobView): void;
  /** What install.sh prints. */
  script(text: string): void;
  /** Takes away what is not a line, so that something else can be printed; it comes back by itself. */
  clear(): void;
}

/** A bar on a terminal, plain lines elsewhere: one for each stage. */
export async function createDisplay(output: Output): Promise<ChangeDisplay> {
  return output.isInteractive ? new BarDisplay(await import("@clack/prompts")) : new LineDisplay(output);
}

class LineDisplay implements ChangeDisplay {
  readonly #output: Output;
  #stage = "";
  #unfinished = "";

  constructor(output: Output) {
    this.#output = output;
  }

  sending(_bytes: number, total: number): void {
    this.#say(`sending ${bytesWords(total)}`);
  }

  job(job: JobView): void {
    const { stage, totalBytes } = job;
    if (stage === "") return;
    // How large a download is comes with its first bytes; a line more for that would be one of two for a stage.
    this.#say(stageWords(job), stage === "download" && totalBytes !== undefined ? `, ${bytesWords(totalBytes)}` : "");
  }

  script(text: string): void {
    const lines = (this.#unfinished + text).split("\n");
    this.#unfinished = lines.pop() ?? "";
    for (const line of lines) this.#output.note(`  | ${line}`);
    if (this.#unfinished.length > MAX_UNFINISHED) this.clear();
  }

  clear(): void {
    if (this.#unfinished !== "") this.script("\n");
  }

  #say(what: string, more = ""): void {
    if (what === this.#stage) return;
    this.clear();
    this.#stage = what;
    this.#output.note(`${what}${more}`);
  }
}

type Clack = Pick<typeof import("@clack/prompts"), "progress">;

const BAR_COLUMNS = 30;

class BarDisplay implements ChangeDisplay {
  readonly #clack: Clack;
  #bar: ReturnType<Clack["progress"]> | undefined;
  #percent = 0;
  #message = "";
  #unfinished = "";

  constructor(clack: Clack) {
    this.#clack = clack;
  }

  sending(bytes: number, total: number): void {
    this.#show(Math.floor((100 * bytes) / Math.max(1, total)), `sending, ${bytesWords(bytes)} of ${bytesWords(total)}`);
  }

  job(job: JobView): void {
    const { bytes = 0, totalBytes, percent = 0 } = job;
    const amount = bytes === 0 ? "" : `, ${bytesWords(bytes)}${totalBytes ? ` of ${bytesWords(totalBytes)}` : ""}`;
    this.#show(percent, `${percent}% ${stageWords(job)}${amount}`);
  }

  script(text: string): void {
    const at = text.lastIndexOf("\n") + 1;
    const whole = this.#unfinished + text.slice(0, at);
    this.#unfinished = at === 0 ? this.#unfinished + text : text.slice(at);
    if (at > 0) this.#above(whole.slice(0, -1));
    if (this.#unfinished.length > MAX_UNFINISHED) {
      this.#above(this.#unfinished);
      this.#unfinished = "";
    }
  }

  clear(): void {
    this.#bar?.clear();
    this.#bar = undefined;
    if (this.#unfinished !== "") this.#above(this.#unfinished);
    this.#unfinished = "";
  }

  #above(text: string): void {
    this.#bar?.clear();
    process.stderr.write(`${safeLines(text)}\n`);
    if (this.#bar !== undefined) this.#start();
  }

  #show(percent: number, message: string): void {
    const safe = safeLines(message);
    // A zip is sent up to 100%, and then the job begins at 0.
    if (this.#bar === undefined || percent < this.#percent) {
      this.#bar?.clear();
      this.#percent = percent;
      this.#message = safe;
      this.#start();
    } else {
      this.#bar.advance(percent - this.#percent, safe);
      this.#percent = percent;
      this.#message = safe;
    }
  }

  #start(): void {
    this.#bar = this.#clack.progress({ max: 100, size: BAR_COLUMNS, output: process.stderr, withGuide: false });
    this.#bar.start(this.#message);
    if (this.#percent > 0) this.#bar.advance(this.#percent, this.#message);
    // The library reads the keyboard to hide what is typed, and would end the process at a Ctrl-C: as a signal it is ours.
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
  }
}
