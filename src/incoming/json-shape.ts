import { PluginError } from "../domain/errors.ts";

/** What a body may have as JSON, besides its bytes. */
export interface JsonLimits {
  /** Lists and objects in each other. */
  readonly maxBodyDepth: number;
  /** Items of lists and members of objects, all together. */
  readonly maxBodyValues: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING = [0x5b, 0x7b];
const CLOSING = [0x5d, 0x7d];

/**
 * Refuses JSON that would cost far more than its bytes: a value takes up to 300 times the time of a letter, and a
 * list in a list up to 12 bytes of memory for each of its own. One pass over the text, which need not be valid.
 *
 * @throws PluginError BODY_INVALID, BODY_TOO_LARGE
 */
export function checkJsonShape(text: string, { maxBodyDepth, maxBodyValues }: JsonLimits): void {
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
      if (depth > maxBodyDepth) throw tooDeep(maxBodyDepth);
    } else if (CLOSING.includes(code)) {
      depth -= 1;
    }
    if (values > maxBodyValues) throw tooMany(maxBodyValues);
  }
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

function tooDeep(max: number): PluginError {
  return new PluginError("BODY_INVALID", `it has lists or objects more than ${max} levels deep (http.maxBodyDepth)`);
}

function tooMany(max: number): PluginError {
  return new PluginError("BODY_TOO_LARGE", `the body has more than ${max} values (http.maxBodyValues)`);
}
