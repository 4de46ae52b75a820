import { expect, it } from "vitest";
import { decodeText, encodingOf } from "../../src/lib/text-encoding.ts";

const TEXT = '{"name":"配置"}\r\n';
const utf16 = (text: string) => Buffer.from(text, "utf16le");

it.each<[what: string, bytes: Buffer, encoding: string]>([
  ["UTF-8", Buffer.from(TEXT), "UTF-8"],
  ["with a byte order mark", Buffer.from(`\ufeff${TEXT}`), "UTF-8"],
  ["UTF-16 as PowerShell writes it", utf16(`\ufeff${TEXT}`), "UTF-16LE"],
  ["without a byte order mark", utf16(TEXT), "UTF-16LE"],
  ["big-endian", utf16(`\ufeff${TEXT}`).swap16(), "UTF-16BE"],
  ["big-endian without a byte order mark", utf16(TEXT).swap16(), "UTF-16BE"],
  ["with half a character at the end", Buffer.concat([utf16(`\ufeff${TEXT}`).swap16(), Buffer.of(0)]), "UTF-16BE"],
])("%s", (_, bytes, encoding) => {
  expect(encodingOf(bytes).encoding).toBe(encoding);
  expect(decodeText(bytes)).toBe(TEXT);
});

it.each([
  ["", "UTF-8"],
  ["a", "UTF-8"],
  ["\0\0\0\0", "UTF-32"],
  ["a\0\0\0", "UTF-32"],
  ["\xff\xfe\0\0", "UTF-32"],
  ["\xff\xfe", "UTF-16LE"],
  ["\xef\xbb", "UTF-8"],
])("%j is %s", (bytes, encoding) => {
  expect(encodingOf(Buffer.from(bytes, "latin1")).encoding).toBe(encoding);
});
