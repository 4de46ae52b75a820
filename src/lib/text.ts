/**
 * Text from outside, safe to put into a one-line message: control characters, line separators, characters that
 * reorder text and lone surrogates are shown as `\u` escapes.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}

const SHOWN = 3;
const MAX_LENGTH = 255;

/** `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`. Items are shown up to 255 characters. */
export function enumerate(items: readonly string[], shown = SHOWN): string {
  const rest = items.length - shown;
  const named = (rest > 0 ? items.slice(0, shown) : items).map((item) => item.slice(0, MAX_LENGTH));
  const parts = rest > 0 ? [...named, `${rest} more`] : named;
  if (parts.length < 2) return parts.join("");
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
