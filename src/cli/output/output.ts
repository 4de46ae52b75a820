import { cutAt, printable } from "../../lib/text.ts";
import { tableLines } from "./table.ts";

/** What would reach the terminal as a control; the ends of the lines of a JSON document are its own. */
const UNPRINTABLE_IN_JSON = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Of a text for people; a message of this server's has at most 16 Ki, and a foreign one may have megabytes. */
const MAX_TEXT = 20 * 1024;
const CODES = { red: 31, green: 32, yellow: 33, dim: 2 } as const;
export type Colour = keyof typeof CODES;

interface OutputOptions {
  /** Its streams are made at their first use: a command that prints a line needs one of them. */
  readonly process: Pick<NodeJS.Process, "stdout" | "stderr" | "stdin">;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Where a command prints: results on standard output, everything else on standard error. All of it is text from a server or
 * from its plugins, so nothing but printable characters leaves here; the colours are put in after that.
 */
export class Output {
  readonly #process: OutputOptions["process"];
  readonly #env: NodeJS.ProcessEnv;
  /** Whether results are JSON; then text for people is left out. */
  isJson = false;
  #hasDocument = false;

  constructor({ process, env }: OutputOptions) {
    this.#process = process;
    this.#env = env;
  }

  /** Whether somebody is there who can answer a question. */
  get isInteractive(): boolean {
    const { stdin, stderr } = this.#process;
    return stdin.isTTY === true && stderr.isTTY === true && this.#env.TERM !== "dumb";
  }

  get isColoured(): boolean {
    return this.#process.stdout.isTTY === true && (this.#env.NO_COLOR ?? "") === "" && this.#env.TERM !== "dumb";
  }

  /** Columns of the terminal; undefined where results go elsewhere. */
  get width(): number | undefined {
    const { stdout } = this.#process;
    return stdout.isTTY === true ? Math.max(40, stdout.columns || 80) : undefined;
  }

  /** Calls the listener once nobody reads the results any more, which the next one that is printed finds out. */
  onUnread(listener: () => void): void {
    this.#process.stdout.once("error", listener);
  }

  /** A line of the result, for people. */
  line(text = ""): void {
    if (!this.isJson) this.#process.stdout.write(`${printable(clipped(text))}\n`);
  }

  /** Lines of the result, for people and for programs. */
  raw(text: string): void {
    this.#process.stdout.write(`${safeLines(text)}\n`);
  }

  /** The result, for programs: one document, so what comes after the first (the failure that it tells of) is left out. */
  json(value: unknown): void {
    if (!this.isJson || this.#hasDocument) return;
    this.#hasDocument = true;
    this.#process.stdout.write(`${safeJson(value, 2)}\n`);
  }

  /** A result whose text for people has lines of its own. */
  document(value: object, text: string): void {
    if (this.isJson) this.json(value);
    else this.raw(text.trimEnd());
  }

  /** One of several results, for programs: a line. */
  jsonLine(value: unknown): void {
    if (this.isJson) this.#process.stdout.write(`${safeJson(value)}\n`);
  }

  /** What happens meanwhile, a hint or a failure. */
  note(text: string): void {
    this.#process.stderr.write(`${safeLines(clipped(text))}\n`);
  }

  /** @param colourOf the colour of a cell, by its column and row */
  table(
    head: readonly string[],
    rows: readonly (readonly string[])[],
    colourOf: (column: number, row: number) => Colour | undefined = () => undefined,
  ): void {
    if (this.isJson) return;
    const safe = rows.map((row) => row.map(printable));
    const paint = (cell: string, column: number, row: number) => this.#painted(cell, colourOf(column, row));
    for (const line of tableLines(head, safe, this.width, paint)) this.#process.stdout.write(`${line}\n`);
  }

  #painted(cell: string, colour: Colour | undefined): string {
    return colour === undefined || !this.isColoured ? cell : `\u001b[${CODES[colour]}m${cell}\u001b[0m`;
  }
}

/** As much of a text as somebody may read. */
export function clipped(text: string, max = MAX_TEXT): string {
  return text.length <= max ? text : `${cutAt(text, max)}…`;
}

/** Text of several lines without anything that a terminal would obey. */
export function safeLines(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => printable(line.replaceAll("\t", "    ")))
    .join("\n");
}

function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNPRINTABLE_IN_JSON, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
