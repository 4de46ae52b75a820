/** What would break a one-line message or mislead its reader: controls, line separators, reordering, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A string from outside, safe to put into a one-line message: such characters become `\u` escapes. */
export function printable(input: string): string {
  return input.replace(UNPRINTABLE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
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
