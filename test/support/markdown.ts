import { dirname, join } from "node:path";

/** What tests read from a document: its sections, code blocks, tables, code spans and links. */

export interface CodeBlock {
  readonly language: string;
  readonly code: string;
}

export interface Section {
  /** 1 to 6; 0 for what comes before the first heading. */
  readonly level: number;
  readonly heading: string;
  readonly blocks: readonly CodeBlock[];
  /** The cells of each row, with the head and without the line below it. */
  readonly rows: readonly (readonly string[])[];
  /** Everything but the code blocks. */
  readonly prose: string;
}

const FENCE = /^( *)```(\w*)\n([\s\S]*?)^\1```$/gm;

/** Code blocks in their order; those in a list without its indent. */
export function codeBlocks(markdown: string): CodeBlock[] {
  return [...markdown.matchAll(FENCE)].map(([, indent = "", language = "", code = ""]) => ({
    language,
    code: code.replace(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

/** Cut at its headings; a # in a code block is none. */
export function sections(markdown: string): Section[] {
  const blocks: CodeBlock[] = codeBlocks(markdown);
  let next = 0;
  // A mark in the place of each block keeps its section, whatever is in it.
  const marked = markdown.replace(FENCE, "\u0000");
  return marked.split(/^(?=#{1,6} )/m).map((text) => {
    const [, marks = "", heading = ""] = /^(#+) (.*)$/m.exec(text) ?? [];
    const count = text.split("\u0000").length - 1;
    const own = blocks.slice(next, next + count);
    next += count;
    return { level: marks.length, heading, blocks: own, rows: tableRows(text), prose: text };
  });
}

/** The cells of each row, with the heads and without the lines below them. */
export function tableRows(text: string): string[][] {
  const lines = text.split("\n").filter((line) => /^ *\|.*\|$/.test(line) && !/^ *\|[-|: ]+\|$/.test(line));
  return lines.map((line) =>
    line
      .trim()
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

export function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

/** Where a link leads: to a file, and to a section in it. */
export interface Target {
  readonly file: string;
  readonly anchor: string | undefined;
}

/** The target of a link of the document `from`. */
export function targetOf(link: string, from: string): Target {
  const [file = "", anchor] = link.split("#");
  return { file: file === "" ? from : join(dirname(from), file), anchor };
}

/** Whether a link leads to a file of this project. */
export function isLocal(link: string): boolean {
  return !/^https?:/.test(link);
}

export function links(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

/** The anchor that GitHub makes of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

/** The anchors of a document, in the order of its sections. */
export function anchorsOf(markdown: string): string[] {
  return sections(markdown).map(({ heading }) => anchorOf(heading));
}
