/** Undoes what Go's linker does to an import path in the name of a symbol: `example.com/v1%2e2` is `example.com/v1.2`. */
export function importPath(escaped: string): string {
  return escaped.replaceAll(/(?:%[0-9a-f]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll("%", ""), "hex").toString());
}

/** Whether Go code outside of its package may name it: the first letter is in upper case. */
export function isExported(identifier: string): boolean {
  return /^\p{Lu}[\p{L}\p{Nd}_]*$/u.test(identifier);
}
