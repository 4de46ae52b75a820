import { KEPT_OUTPUT_BYTES } from "../domain/change.ts";
import { KeptBytes } from "../lib/kept-bytes.ts";
import { fromCharacter, TerminalText } from "../lib/terminal-text.ts";

/** The least time between two looks at what was printed: the worst of it takes milliseconds to become plain text. */
const LOOK_MS = 50;

/** What install.sh prints in a job: as it came, and, while somebody follows it, as plain text, made once for all who do. */
export class JobOutput {
  /** As it came, the end of it. */
  readonly printed = new KeptBytes(KEPT_OUTPUT_BYTES);
  readonly #changed: () => void;
  readonly #plain = new TerminalText();
  #text: KeptBytes | undefined;
  /** How much of `printed` is in the text. */
  #taken = 0;
  #lookedAt = 0;
  #nextLook: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @param changed called when there is more text; has to be quick */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  add(chunk: Uint8Array): void {
    this.printed.add(chunk);
    if (this.#text !== undefined) this.#nextLook ??= setTimeout(() => this.#look(), this.#waitMs()).unref();
  }

  /** Nothing comes any more. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#nextLook);
    if (this.#text !== undefined) this.#take(this.#text);
  }

  /** The text in UTF-8, in whole characters. */
  get text(): KeptBytes {
    if (this.#text === undefined) {
      this.#text = new KeptBytes(KEPT_OUTPUT_BYTES);
      this.#take(this.#text);
    }
    return this.#text;
  }

  #waitMs(): number {
    return Math.max(0, this.#lookedAt + LOOK_MS - performance.now());
  }

  #look(): void {
    this.#nextLook = undefined;
    this.#lookedAt = performance.now();
    this.#take(this.text);
    this.#changed();
  }

  #take(text: KeptBytes): void {
    const { bytes, dropped } = this.printed.since(this.#taken);
    this.#taken = this.printed.total;
    if (dropped > 0) text.add(Buffer.from(this.#plain.end() + leftOut(dropped)));
    text.add(Buffer.from(this.#plain.take(dropped > 0 ? fromCharacter(bytes) : bytes)));
    if (this.#isOver) text.add(Buffer.from(this.#plain.end()));
  }
}

/** What is in the place of what is not kept any more. */
export function leftOut(bytes: number): string {
  return `\n[${bytes} bytes are left out here]\n`;
}
