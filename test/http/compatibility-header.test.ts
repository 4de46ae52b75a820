import { parseItem, Token } from "structured-headers";
import { describe, expect, test } from "vitest";
import { compatibilityHeader } from "../../src/http/messages.ts";

const headerOf = (...messages: string[]) =>
  compatibilityHeader({ verdict: "incompatible", problems: messages.map((message) => ({ code: "X", message })) })[
    "plugin-compatibility"
  ] ?? "";

test("is nothing where nothing was inspected", () => {
  expect(compatibilityHeader(undefined)).toEqual({});
});

test("is the verdict", () => {
  expect(compatibilityHeader({ verdict: "compatible", problems: [] })).toEqual({
    "plugin-compatibility": "compatible",
  });
});

test("has the first problem as its reason, and how many there are", () => {
  expect(headerOf("wrong CPU")).toBe('incompatible; reason="wrong CPU"');
  expect(headerOf("wrong CPU", "no symbol", "x")).toContain('reason="wrong CPU (and 2 more)"');
});

describe("whatever is in the reason, it is a structured field of one line", () => {
  test.each([
    ['quotes " and \\ backslashes', 'quotes " and \\ backslashes'],
    ["line\r\nSet-Cookie: a=b", "line??Set-Cookie: a=b"],
    ["naïve 🙂", "na?ve ?"],
    ["\u0000\u007f", "??"],
  ])("%j", (message, shown) => {
    const [verdict, parameters] = parseItem(headerOf(message));
    expect(verdict).toEqual(new Token("incompatible"));
    expect(parameters.get("reason")).toBe(shown);
  });

  test("is cut where it is too long", () => {
    const [, parameters] = parseItem(headerOf("x".repeat(5000), "y"));
    expect(parameters.get("reason")).toMatch(/^x+\.\.\. \(and 1 more\)$/);
    expect(String(parameters.get("reason")).length).toBeLessThanOrEqual(500);
  });
});
