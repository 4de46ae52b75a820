import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ERROR_STATUS } from "../../src/domain/errors.ts";
import { en } from "../../src/ui/i18n/en/index.ts";
import { zh } from "../../src/ui/i18n/zh/index.ts";

/** The page's sentences in its two languages. */

const placeholders = (sentence: string) => (sentence.match(/\{\w+\}/g) ?? []).sort();
const tables: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["English", en],
  ["Chinese", zh],
];

test("both languages have the same sentences, with the same values in them", () => {
  expect(Object.keys(zh)).toEqual(Object.keys(en));
  for (const [key, sentence] of Object.entries(en)) {
    expect([key, placeholders(zh[key as keyof typeof en])]).toEqual([key, placeholders(sentence)]);
  }
});

describe.each(tables)("%s", (_, table) => {
  test("says what every failure of the API means, and what to do next", () => {
    for (const code of Object.keys(ERROR_STATUS)) {
      expect([code, table[`failure.${code}`], table[`failure.${code}.next`]]).not.toContain(undefined);
    }
  });

  test("says what every problem of a verdict means", () => {
    const rows = readFileSync("docs/api.md", "utf8").matchAll(
      /^\| `([A-Z_]+)` \| (?:in)?compatible|^\| `([A-Z_]+)` \| unknown/gm,
    );
    const codes = Array.from(rows, ([, one, other]) => one ?? other);
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => table[`problem.${code}`] === undefined)).toEqual([]);
  });

  test("has no empty sentence", () => {
    expect(Object.entries(table).filter(([, sentence]) => sentence.trim() === "")).toEqual([]);
  });
});

test("the page has every sentence that it asks for, and asks for every one that it has", () => {
  const sources = readdirSync("src/ui", { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("i18n/"))
    .map((name) => readFileSync(join("src/ui", name), "utf8"))
    .join("\n");
  // Keys that are put together, such as `type.${type}`, count by what is before the value.
  const asked = Array.from(sources.matchAll(/["`]([a-z][\w.-]*?\.?)(?:["`]|\$\{)/gi), ([, key = ""]) => key);
  const unused = Object.keys(en).filter((key) => {
    const base = key.replace(/\.(one|other)$/, "");
    return !asked.some((one) => one === base || (one.endsWith(".") && base.startsWith(one)));
  });
  expect(unused).toEqual([]);
});

test("Chinese has its own punctuation", () => {
  const latin = /[\u4e00-\u9fff}]\s*[,;:?!]|[,;:?!]\s*[\u4e00-\u9fff]/;
  expect(Object.entries(zh).filter(([, sentence]) => latin.test(sentence))).toEqual([]);
});

test("components put no punctuation of one language between sentences", () => {
  const sources = readdirSync("src/ui", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tsx"));
  const between = /\{tn?\([^\n]*?\)\}[,;:]|join\("[,;] "\)/;
  expect(sources.filter((name) => between.test(readFileSync(join("src/ui", name), "utf8")))).toEqual([]);
});
