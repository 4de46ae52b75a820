import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandSections } from "../../src/cli/completion/sections.ts";
import { EXIT_STATUS } from "../../src/cli/failure.ts";
import { Output } from "../../src/cli/output/output.ts";
import { createProgram } from "../../src/cli/program.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/command-line.md"), "utf8");

test("docs/command-line.md has every command and option, and no other, as scripts/command-page.mjs prints them", () => {
  const program = createProgram({ env: {}, version: "", output: new Output({ process, env: {} }) }, () => {});
  const lines = (text: string) => text.split("\n").filter((line) => /^### |^\| `-/.test(line));
  expect(lines(PAGE)).toEqual(lines(commandSections(program)));
  expect(PAGE).toContain(commandSections(program).trim());
});

test("and every exit status", () => {
  const rows = [...PAGE.matchAll(/^\| (\d+) \| /gm)].map(([, status]) => Number(status));
  expect(rows).toEqual([...Object.values(EXIT_STATUS), 130]);
});
