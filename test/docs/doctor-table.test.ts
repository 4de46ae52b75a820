import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHECKS } from "../../src/doctor/checks.ts";
import { GROUPS } from "../../src/doctor/finding.ts";

const DOCS = readFileSync(join(import.meta.dirname, "../../docs/doctor.md"), "utf8");

test("docs/doctor.md has a row for each check, in the order of the report, and for nothing else", () => {
  const rows = [...DOCS.matchAll(/^\| `([a-z-]+)` \| .+ \| .+ \| .+ \|$/gm)].map(([, id]) => id);
  expect(rows).toEqual(CHECKS.map(({ id }) => id));
});

test("the groups follow each other in the report's order", () => {
  const groups = [...new Set(CHECKS.map(({ group }) => group))];
  expect(groups).toEqual(GROUPS);
  expect(DOCS.match(/^## .*$/gm)?.slice(0, GROUPS.length)).toEqual(
    GROUPS.map((group) => `## ${group.charAt(0).toUpperCase()}${group.slice(1)}`),
  );
});
