import { setImmediate as nextTurn } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import type { Log } from "../../lib/log.ts";
import { printable } from "../../lib/text.ts";

/** How much of the end is kept, for the lines of the reply. */
const TAIL_BYTES = 16 * 1024;
const LOGGED_LINE_LENGTH = 2000;
const REPLY_LINE_LENGTH = 300;

/** Decoded and logged in one turn of the event loop, so that a flood of output does not keep requests waiting. */
const PORTION_BYTES = 8 * 1024;

interface OutputLimits {
  readonly maxOutputBytes: number;
  readonly replyLines: number;
}

/** What install.sh prints: the beginning is logged line by line, the end is kept, all of it is counted. */
export class ScriptOutput {
  readonly #log: Log;
  readonly #limits: OutputLimits;
  readonly #decoder = new TextDecoder();
  #line = "";
  #tail: Buffer = Buffer.alloc(0);
  #bytes = 0;
  #finished = false;

  constructor(log: Log, limits: OutputLimits) {
    this.#log = log;
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async take(chunk: Uint8Array): Promise<void> {
    this.#tail = Buffer.concat([this.#tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    const room = Math.max(0, this.#limits.maxOutputBytes - this.#bytes);
    this.#bytes += chunk.length;
    const logged = chunk.subarray(0, room);
    for (let from = 0; from < logged.length; from += PORTION_BYTES) {
      if (from > 0) await nextTurn();
      this.#logLines(this.#decoder.decode(logged.subarray(from, from + PORTION_BYTES), { stream: true }));
    }
    if (logged.length < chunk.length) this.end();
  }

  /** Logs a last line without a line end, and that output was left out. Further calls do nothing. */
  end(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#logLines(`${this.#decoder.decode()}\n`);
    const { maxOutputBytes } = this.#limits;
    if (this.#bytes > maxOutputBytes) {
      this.#log.warn(`install.sh: output truncated after ${maxOutputBytes} bytes (installScript.maxOutputBytes)`);
    }
  }

  /** The last lines that are not blank, each cut to a length that fits a reply. */
  lastLines(): string[] {
    if (this.#limits.replyLines === 0) return [];
    const lines = this.#tail.toString("utf8").split("\n");
    return lines
      .map((line) => readable(line, REPLY_LINE_LENGTH))
      .filter((line) => line !== "")
      .slice(-this.#limits.replyLines);
  }

  #logLines(text: string): void {
    const [first = "", ...rest] = text.split("\n");
    this.#append(first);
    for (const next of rest) {
      const line = readable(this.#line, LOGGED_LINE_LENGTH);
      if (line !== "") this.#log.info(`install.sh: ${line}`);
      this.#line = "";
      this.#append(next);
    }
  }

  /** A line without an end must not fill the memory: what exceeds twice the logged length is dropped. */
  #append(text: string): void {
    this.#line += text.slice(0, Math.max(0, 2 * LOGGED_LINE_LENGTH - this.#line.length));
  }
}

/** A line as a terminal would show it, without colours; of a progress bar, its last state. */
function readable(line: string, length: number): string {
  const plain = stripVTControlCharacters(line).trimEnd();
  const text = printable(plain.slice(plain.lastIndexOf("\r") + 1).replaceAll("\t", " ")).trim();
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
