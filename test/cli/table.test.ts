import { describe, expect, it } from "vitest";
import { safeLines } from "../../src/cli/output/output.ts";
import { tableLines } from "../../src/cli/output/table.ts";
import { cutToWidth, textWidth } from "../../src/cli/output/text-width.ts";
import { bytesWords } from "../../src/cli/output/words.ts";

describe("width", () => {
  it.each([
    ["abc", 3],
    ["插件", 4],
    ["한국", 4],
    ["é", 1],
    ["e\u0301", 1],
    ["😀", 2],
    ["ｱ", 1],
    ["Ａ", 2],
    ["", 0],
  ])("%j takes %i columns", (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  it("is never exceeded, and no character is cut in two", () => {
    for (let columns = 1; columns < 12; columns += 1) {
      const cut = cutToWidth("a插件bc😀d", columns);
      expect(textWidth(cut)).toBeLessThanOrEqual(columns);
      expect(cut).not.toMatch(/\p{Cs}/u);
    }
    expect(cutToWidth("插件", 4)).toBe("插件");
    expect(cutToWidth("插件s", 4)).toBe("插…");
  });
});

describe("table", () => {
  it("aligns, counts wide characters, and leaves out what no row has", () => {
    expect(
      tableLines(
        ["A", "B", "C"],
        [
          ["插件", "", "x"],
          ["p", "", "y"],
        ],
      ),
    ).toEqual(["A     C", "插件  x", "p     y"]);
  });

  it("fits the width by cutting the widest columns", () => {
    const lines = tableLines(["NAME", "ORIGIN", "REASON"], [["random", "o".repeat(80), "r".repeat(40)]], 60);
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(60);
    expect(lines[1]).toMatch(/^random {2}o+… {2}r+…$/);
  });

  it("cuts nothing for programs", () => {
    expect(tableLines(["A"], [["x".repeat(500)]])[1]).toHaveLength(500);
  });

  it("colours a cell without counting the codes", () => {
    const lines = tableLines(
      ["A", "B"],
      [
        ["x", "y"],
        ["xx", "y"],
      ],
      80,
      (cell) => `<${cell}>`,
    );
    expect(lines).toEqual(["A   B", "<x>   <y>", "<xx>  <y>"]);
  });
});

it("lines of others are printed as text", () => {
  expect(safeLines("a\x1b[2J\tb\r\nc\rd\u202e")).toBe("a\\u001b[2J    b\nc\nd\\u202e");
});

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 KB"],
  [123_456, "123 KB"],
  [5_000_000_000, "5.0 GB"],
])("%i bytes", (bytes, words) => {
  expect(bytesWords(bytes)).toBe(words);
});
