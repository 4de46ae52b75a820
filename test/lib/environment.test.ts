import { expect, it } from "vitest";
import { loneQuote, plainValue } from "../../src/lib/environment.ts";

it.each([
  ["x", "x"],
  ['"x"', "x"],
  ["'x y'", "x y"],
  [` "x" \r`, "x"],
  ["\ufeff'x'", "x"],
  [`'"x"'`, "x"],
  ['""', ""],
  ["", ""],
  ["it's", "it's"],
  ['"a","b"', '"a","b"'],
])("%j means %j", (value, meant) => {
  expect(plainValue(value)).toBe(meant);
  expect(loneQuote(meant)).toBeUndefined();
});

it.each(['"x', 'x"', "'x", "\"x'", '"'])("a quote of %j is missing", (value) => {
  expect(plainValue(value)).toBe(value);
  expect(loneQuote(value)).toMatch(/["']/);
});
