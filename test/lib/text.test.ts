import { expect, it } from "vitest";
import { printable } from "../../src/lib/text.ts";

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
