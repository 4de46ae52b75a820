import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listSettings } from "../../src/config/settings.ts";

const ROOT = join(import.meta.dirname, "../..");
const TABLE = execFileSync(process.execPath, [join(ROOT, "scripts/config-table.mjs")], { encoding: "utf8" });

it("the script prints a row for every setting", () => {
  const keys = [...TABLE.matchAll(/^\| `(.+?)` \| `.*?` \| .+ \|$/gm)].map(([, key]) => key);
  expect(keys).toEqual(listSettings().map(({ path }) => path.join(".")));
});

describe("docs/settings.md has the row of every setting, as scripts/config-table.mjs prints it", () => {
  it.each(TABLE.trim().split("\n").slice(2))("%s", (row) => {
    expect(readFileSync(join(ROOT, "docs/settings.md"), "utf8").split("\n")).toContain(row);
  });
});
