import { expect, it } from "vitest";
import { printable, quoted, quotedWords } from "../../src/lib/text.ts";

it.each([
  ["", ""],
  ["plain text, größe 随机 😀", "plain text, größe 随机 😀"],
  ["a\nb\r\tc\0", "a\\u000ab\\u000d\\u0009c\\u0000"],
  ["\u001b[31mred\u007f\u0085", "\\u001b[31mred\\u007f\\u0085"],
  ["line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029"],
  ["a\u202egpj.exe\u2066\u200b\ufeff", "a\\u202egpj.exe\\u2066\\u200b\\ufeff"],
  ["half \ud83d of a pair", "half \\ud83d of a pair"],
])("shows %j as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});

it.each([
  ["short", "short"],
  ["ab\u202ecd", "ab\\u202ecd"],
  ["x".repeat(200), "x".repeat(200)],
  ["x".repeat(201), `${"x".repeat(200)}…`],
  [`${"x".repeat(199)}😀`, `${"x".repeat(199)}…`],
  ["\u202e".repeat(1_000_000), `${"\\u202e".repeat(200)}…`],
])("quotes %.20j as %.20j", (text, shown) => {
  expect(quoted(text)).toBe(shown);
});

it("quotes the beginning of a list", () => {
  expect(quotedWords([])).toBe("");
  expect(quotedWords(["-a", "b c", ""])).toBe("-a b c ");
  expect(quotedWords(["a\nb"])).toBe("a\\u000ab");
  expect(quotedWords(Array(300_000).fill(""))).toBe(`${" ".repeat(200)}…`);
  expect(quotedWords(["x".repeat(1_000_000), "y"])).toBe(`${"x".repeat(200)}…`);
});
