/** What would break a one-line message or mislead its reader: controls, line separators, reordering, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * A string of bounded length from outside, safe to put into a one-line message: such characters become `\u` escapes.
 * For one whose length nobody has checked, see `quoted`.
 */
export function printable(input: string): string {
  return input.replace(UNPRINTABLE, escapeCharacter);
}

/** In runs, and without what stays: a call for each character of a long text takes longer than all the rest. */
const UNPRINTABLE_IN_TEXT = /(?:(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])+/gu;

/** The same for a text of several lines: line ends and tabs stay. */
export function printableText(input: string): string {
  return input.replace(UNPRINTABLE_IN_TEXT, (run) => Array.from(run, escapeCharacter).join(""));
}

/** How much of a string from outside is in a message: enough for any name, and too little to fill memory. */
const MAX_QUOTED = 200;

/** A string from outside for a one-line message: printable, and cut with `…` after `max` characters. */
export function quoted(input: string, max = MAX_QUOTED): string {
  return input.length <= max ? printable(input) : `${printable(cutAt(input, max))}…`;
}

/** The strings, separated by spaces, as `quoted`: of a long list only the beginning is looked at. */
export function quotedWords(words: readonly string[], max = MAX_QUOTED): string {
  let text = "";
  for (const [index, word] of words.entries()) {
    if (text.length > max) break;
    text += (index === 0 ? "" : " ") + word.slice(0, max + 1);
  }
  return quoted(text, max);
}

/** The first `max` characters; a pair of surrogates is not parted. */
export function cutAt(input: string, max: number): string {
  const last = input.charCodeAt(max - 1);
  const partsPair = last >= 0xd800 && last < 0xdc00;
  return input.slice(0, partsPair ? max - 1 : max);
}

function escapeCharacter(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}

const BASE64_CHARACTERS = /^[A-Za-z0-9+/_\s-]*$/;

/** Whether all of it is base64 of either alphabet, with whitespace anywhere and at most two `=` at its end. */
export function isBase64(input: string): boolean {
  const trimmed = input.trimEnd();
  const padding = trimmed.endsWith("==") ? 2 : trimmed.endsWith("=") ? 1 : 0;
  return BASE64_CHARACTERS.test(trimmed.slice(0, trimmed.length - padding));
}

const MAX_ITEMS = 3;
const MAX_ITEM_LENGTH = 255;

/** A list for a message: `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`. Items are cut after 255 characters. */
export function enumerate(items: readonly string[], maxItems = MAX_ITEMS): string {
  const more = items.length - maxItems;
  const named = (more > 0 ? items.slice(0, maxItems) : items).map((item) => item.slice(0, MAX_ITEM_LENGTH));
  const parts = more > 0 ? [...named, `${more} more`] : named;
  if (parts.length < 2) return parts.join("");
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** `1 plugin`, `2 plugins`. */
export function count(number: number, one: string): string {
  return `${number} ${one}${number === 1 ? "" : "s"}`;
}

/** Equal for all spellings that some file system takes for one name: without case, and in one Unicode form. */
export function spellingKey(path: string): string {
  return path.normalize("NFC").toLowerCase().normalize("NFC");
}

/** Undefined where the bytes are no UTF-8. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
