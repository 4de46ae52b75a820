import { describe, expect, it } from "vitest";
import { DeepYaml, parseYaml } from "../../src/lib/yaml.ts";

/** Of each kind of collection, that many in each other. */
const DEEP: readonly [kind: string, make: (levels: number) => string][] = [
  ["lists", (levels) => `${"- ".repeat(levels)}x`],
  ["lists in brackets", (levels) => "[".repeat(levels) + "]".repeat(levels)],
  ["maps in braces", (levels) => `${"{a: ".repeat(levels)}x${"}".repeat(levels)}`],
  ["keys that are maps", (levels) => `${"? ".repeat(levels)}x`],
  ["keys in braces", (levels) => `${"{? ".repeat(levels)}x${"}".repeat(levels)}`],
  ["indented maps", (levels) => Array.from({ length: levels }, (_, level) => `${" ".repeat(level)}a:\n`).join("")],
  ["lists in a later document", (levels) => `a: 1\n---\n${"- ".repeat(levels)}x`],
];

const OPTIONS = { uniqueKeys: false, strict: false, logLevel: "error" } as const;

describe.each(DEEP)("%s", (_, make) => {
  it("may be a hundred", () => {
    expect(parseYaml(make(100), OPTIONS).flatMap(({ errors }) => errors)).toEqual([]);
  });

  it.each([101, 500])("are refused where they are %i", (levels) => {
    expect(() => parseYaml(make(levels), OPTIONS)).toThrow(DeepYaml);
  });
});

it.each(["- ", "? ", "[", "{a: "])("many thousand %j, cut off, are refused again and again", (piece) => {
  for (let time = 0; time < 4; time += 1) expect(() => parseYaml(piece.repeat(20_000), OPTIONS)).toThrow(DeepYaml);
});
