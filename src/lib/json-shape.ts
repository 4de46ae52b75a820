/** What JSON may have, besides its bytes. */
export interface JsonShape {
  /** Lists and objects in each other. */
  readonly depth: number;
  /** Items of lists and members of objects, all together. */
  readonly values: number;
}

/** Far beyond what engines answer with. Without it, 16 MiB of empty lists, which nobody sends in good faith, take a GB. */
export const FAIR_SHAPE: JsonShape = { depth: 100, values: 1_000_000 };

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING = [0x5b, 0x7b];
const CLOSING = [0x5d, 0x7d];

/**
 * Whether JSON would cost far more than its bytes, and by what: a value takes up to 300 times the time of a letter, and a
 * list in a list up to 12 bytes of memory for each of its own. One pass over the text, which need not be valid.
 */
export function exceededShape(text: string, max: JsonShape): keyof JsonShape | undefined {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === COMMA) {
      values += 1;
    } else if (OPENING.includes(code)) {
      depth += 1;
      values += 1;
      if (depth > max.depth) return "depth";
    } else if (CLOSING.includes(code)) {
      depth -= 1;
    }
    if (values > max.values) return "values";
  }
  return undefined;
}

/** The position of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    // Not further back than `at`, so that each letter is looked at once or twice.
    let escapes = quote;
    while (escapes > at && text.charCodeAt(escapes - 1) === BACKSLASH) escapes -= 1;
    if ((quote - escapes) % 2 === 0) return quote;
    at = quote;
  }
}
