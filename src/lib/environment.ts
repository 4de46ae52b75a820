/**
 * The value of an environment variable as it was meant. Quotes that no shell took away stay in it (`KEY="x"` in a compose
 * list, in `docker --env-file` and in a file that systemd or supervisor does not read), and so do the line end of a Windows
 * file and its byte order mark. Quotes around several quoted items (`"a","b"`) are those of the items.
 */
export function plainValue(value: string): string {
  let plain = value.trim(); // of a byte order mark, too
  for (;;) {
    const quote = quoteAround(plain);
    if (quote === undefined) return plain;
    const inner = plain.slice(1, -1);
    if (inner.includes(quote)) return plain;
    plain = inner.trim();
  }
}

/** The quote at one end only of a value that `plainValue` returned: where it was cut off, nobody can tell. */
export function loneQuote(value: string): string | undefined {
  const [first = "", last = ""] = [value.at(0), value.at(-1)];
  if (first === last && value.length > 1) return undefined;
  return [first, last].find(isQuote);
}

function quoteAround(value: string): string | undefined {
  const first = value.at(0);
  return value.length > 1 && first === value.at(-1) && isQuote(first) ? first : undefined;
}

function isQuote(character: string | undefined): boolean {
  return character === '"' || character === "'";
}
