import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import {
  anchorsOf,
  codeSpans,
  isLocal,
  links,
  type Section,
  sections,
  type Target,
  targetOf,
} from "../support/markdown.ts";

/** The documents that there are in two languages, English first. Whoever changes one changes the other. */
const PAIRS = [
  ["README.md", "README.zh-CN.md"],
  ["docs/first-steps.md", "docs/zh/first-steps.md"],
  ["docs/api.md", "docs/zh/api.md"],
  ["docs/settings.md", "docs/zh/settings.md"],
] as const;

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** A block without its comments, which are translated: those of a shell, yaml and ini. */
function withoutComments({ language, code }: { language: string; code: string }): string {
  const comment = { bash: /^\s*#.*\n|\s+#\s.*$/gm, yaml: /^\s*#.*\n|\s+#\s.*$/gm, ini: /^[#;].*\n/gm }[language];
  return `${language}\n${comment === undefined ? code : code.replace(comment, "")}`;
}

/** Code spans as a set: a sentence in another language may name one twice, or in another order. */
const spansOf = (text: string) => [...new Set(codeSpans(text))].sort();

/** Figures and statuses that a cell begins with; what they mean follows in words. */
const figuresOf = (cell: string) => /^\d(?:[\d.,:%\s()–]*[\d%)])?/.exec(cell)?.[0] ?? "";

/** Whether there are words to translate, and none was. The name of a program is no such word. */
function isEnglish(text: string): boolean {
  const words = text.replace(/`[^`]*`|\]\([^)]*\)|<!--.*?-->/g, "");
  return /[a-z]{3}/.test(words) && !/\p{Script=Han}/u.test(words) && !/^(#+ )?[A-Z][a-z]+$/.test(words);
}

const written = ({ file, anchor }: Target) => (anchor === undefined ? file : `${file}#${anchor}`);

/** The same file and section in the other language, where there is one. */
function translated({ file, anchor }: Target): Target {
  const picture = file.replace(/\.png$/, "-zh.png");
  if (picture !== file) return { file: existsSync(join(ROOT, picture)) ? picture : file, anchor };
  const other = PAIRS.find(([english]) => english === file)?.[1];
  if (other === undefined || anchor === undefined) return { file: other ?? file, anchor };
  return { file: other, anchor: anchorsOf(read(other))[anchorsOf(read(file)).indexOf(anchor)] };
}

const levelsOf = (all: readonly Section[]) => all.map(({ level }) => level);

describe.each(PAIRS)("%s and %s", (english, chinese) => {
  const [ours, theirs] = [sections(read(english)), sections(read(chinese))];

  test("link to each other before their first paragraph", () => {
    for (const [from, to] of [
      [english, chinese],
      [chinese, english],
    ] as const) {
      const [, ...lines] = read(from).split("\n\n");
      expect(lines[0]).toMatch(/^\[[^\]]+\]\([^)]+\)$/);
      expect(links(lines[0] ?? "")).toEqual([relative(dirname(from), to)]);
    }
  });

  test("have the same sections in the same order", () => {
    expect(levelsOf(theirs)).toEqual(levelsOf(ours));
  });

  // Where a section is missing, all behind it would fail as well.
  const compared = levelsOf(theirs).join() === levelsOf(ours).join() ? ours : [];
  describe.each(compared.map((section, index) => [section.heading, section, index] as const))(
    "%s",
    (_, section, index) => {
      const other = theirs[index] as Section;

      test("has the same commands and other code", () => {
        expect(other.blocks.map(withoutComments)).toEqual(section.blocks.map(withoutComments));
      });

      test("has the same rows in its tables", () => {
        expect(other.rows.length).toBe(section.rows.length);
        for (const [at, row] of section.rows.entries()) {
          const cells = other.rows[at] ?? [];
          expect(cells.length, row.join()).toBe(row.length);
          expect(spansOf(cells[0] ?? "")).toEqual(spansOf(row[0] ?? ""));
          for (const [column, cell] of row.entries()) {
            expect(spansOf(cells[column] ?? ""), row.join()).toEqual(spansOf(cell));
            if (figuresOf(cell) !== "") expect(figuresOf(cells[column] ?? ""), row.join()).toBe(figuresOf(cell));
          }
        }
      });

      test("names the same settings, paths, codes and messages", () => {
        expect(spansOf(other.prose)).toEqual(spansOf(section.prose));
      });

      test("is in Chinese", () => {
        const paragraphs = other.prose.split("\n\n").filter((text) => !/^ *\|/.test(text));
        const cells = other.rows.flat();
        expect([other.heading, ...paragraphs.slice(index === 0 ? 2 : 0), ...cells].filter(isEnglish)).toEqual([]);
      });

      test("links to the same, in its own language where there is one", () => {
        // The first section's first link is to the document in the other language.
        const [ourLinks = [], theirLinks = []] = [section, other].map(({ prose }) =>
          links(prose).slice(index === 0 ? 1 : 0),
        );
        const wanted = ourLinks.map((link) => (isLocal(link) ? written(translated(targetOf(link, english))) : link));
        const found = theirLinks.map((link) => (isLocal(link) ? written(targetOf(link, chinese)) : link));
        expect(found.sort()).toEqual(wanted.sort());
      });
    },
  );
});

test("each error has the server's own words in Chinese documents, too", () => {
  const rows = (path: string) =>
    sections(read(path)).flatMap((one) => one.rows.filter(([code]) => /^`[A-Z_]+`$/.test(code ?? "")));
  const chinese = rows("docs/zh/api.md");
  for (const [at, [code, status, example = ""]] of rows("docs/api.md").entries()) {
    if (/^\d{3}$/.test(status ?? "")) expect(chinese[at]?.[2], code).toContain(example);
  }
});
