import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { anchorsOf, isLocal, links, targetOf } from "../support/markdown.ts";

const ROOT = join(import.meta.dirname, "../..");
const DOCUMENTS = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"],
  "README.zh-CN.md",
  ...["docs", "docs/zh"].flatMap((folder) => pagesIn(folder)),
];

function pagesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".md"));
  return names.map((name) => `${folder}/${name}`);
}

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

describe.each(DOCUMENTS)("%s", (path) => {
  it("links to what is there", () => {
    for (const link of links(read(path)).filter(isLocal)) {
      const { file, anchor } = targetOf(link, path);
      expect(existsSync(join(ROOT, file)), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(read(file)), link).toContain(anchor);
    }
  });

  it("names files and settings of this project that exist", () => {
    const names = read(path).matchAll(/`((?:src|docs|scripts|test|etc)\/[\w./-]+\.\w+|[a-z]+\/[\w/-]+\.ts)`/g);
    for (const [, name = ""] of names) {
      expect(existsSync(join(ROOT, name)) || existsSync(join(ROOT, "src", name)), name).toBe(true);
    }
  });
});

test.each(["supervisor.conf", "kuiper-plugin-server.service"])("the README shows docs/examples/%s as it is", (name) => {
  expect(read("README.md")).toContain(`\`\`\`ini\n${read(`docs/examples/${name}`)}\`\`\`\n`);
});
