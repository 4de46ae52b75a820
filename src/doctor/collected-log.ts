import type { Log } from "../lib/log.ts";
import { quoted } from "../lib/text.ts";

interface Facts {
  readonly file?: string;
  readonly reason?: string;
}

/** Keeps the warnings of parts that log what they leave out: here they are findings. */
export class CollectedLog implements Log {
  readonly lines: string[] = [];

  warn = (facts: unknown, message?: string): void => {
    if (typeof facts === "string") this.lines.push(facts);
    else {
      const { file, reason } = facts as Facts;
      const about = [file === undefined ? "" : `${quoted(file)}: `, message, reason ? `: it ${quoted(reason)}` : ""];
      this.lines.push(about.join(""));
    }
  };
  error = this.warn;
  info(): void {}
  debug(): void {}
}
