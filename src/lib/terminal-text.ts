import { printableText } from "./text.ts";

/** Colours, movements of the cursor and titles, as ECMA-48 has them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what they begin with
const SEQUENCE = /\u001b(?:\[[ -?]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-Z\\^-~])/g;
/** One that has begun and may go on. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what they begin with
const BEGUN = /^\u001b(?:\[[ -?]*|\][^\u0007]*|[ -/]*)$/;
const MAX_SEQUENCE = 256;

/**
 * What a program prints for a terminal as plain text, piece by piece: without sequences for the terminal, each other
 * control character as `\u0007`, what is no UTF-8 as U+FFFD. A line that is written over, as by a progress bar, is a line
 * for each time.
 */
export class TerminalText {
  readonly #decoder = new TextDecoder();
  /** The beginning of what may become a sequence, or a line end. */
  #held = "";

  take(bytes: Uint8Array): string {
    const text = this.#held + this.#decoder.decode(bytes, { stream: true });
    const end = wholeUpTo(text);
    this.#held = text.slice(end);
    return plain(text.slice(0, end));
  }

  /** What was held back. Another text can follow. */
  end(): string {
    const text = this.#held + this.#decoder.decode();
    this.#held = "";
    return plain(text);
  }
}

/** The whole text of some bytes, its last `maxBytes` at most: escaped, it can be longer than they are. */
export function terminalText(bytes: Uint8Array, maxBytes: number): string {
  const text = new TerminalText();
  const whole = Buffer.from(text.take(fromCharacter(bytes)) + text.end());
  return fromCharacter(whole.subarray(Math.max(0, whole.length - maxBytes))).toString();
}

/** Without the rest of a character of UTF-8 in front. */
export function fromCharacter<T extends Uint8Array>(bytes: T): T {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start) as T;
}

function wholeUpTo(text: string): number {
  const begin = text.lastIndexOf("\u001b");
  if (begin >= 0 && text.length - begin <= MAX_SEQUENCE && BEGUN.test(text.slice(begin))) return begin;
  return text.endsWith("\r") ? text.length - 1 : text.length;
}

function plain(text: string): string {
  return printableText(text.replace(SEQUENCE, "").replace(/\r\n?/g, "\n"));
}
