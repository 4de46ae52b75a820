import { chmod, mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readArchive } from "../../src/package/archive.ts";
import { planPackage } from "../../src/package/plan.ts";
import { HOSTILE_LIMITS, TOOL_ZIPS } from "../support/hostile-zips.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { run } from "./programs.ts";

/** Zips that real tools make, and what real readers see in those that our reader takes. */

const has = async (program: string) => (await run(["sh", "-c", `command -v ${program}`])).code === 0;
const HAS = { bsdtar: await has("bsdtar"), python3: await has("python3") };

const PATHS = ["etc/sources/random.yaml", "etc/sources/random/配置/a.csv", "plugins/sources/Random@v1.0.0.so"];

async function pluginFolder(): Promise<string> {
  const folder = await tempFolder();
  await mkdir(join(folder, "plugin/etc/配置"), { recursive: true });
  await writeFile(join(folder, "plugin/Random@v1.0.0.so"), "so");
  await writeFile(join(folder, "plugin/random.yaml"), "default:\n");
  await writeFile(join(folder, "plugin/etc/配置/a.csv"), "1\n");
  await chmod(join(folder, "plugin/Random@v1.0.0.so"), 0o755);
  return folder;
}

async function targetsOf(path: string): Promise<string[]> {
  await using file = await open(path);
  const archive = await readArchive(file, HOSTILE_LIMITS.maxEntries);
  const { files } = planPackage(archive, { type: "sources", name: "random" }, HOSTILE_LIMITS);
  return files.flatMap(({ place }) => (place.kind === "engine" ? [place.target] : [])).sort();
}

const PYTHON = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for folder, _, files in os.walk("."):
        for name in files: z.write(os.path.join(folder, name))
`;

describe("a zip made by", () => {
  const tools: [string, boolean, string][] = [
    ["zip", true, "zip -qr ../out.zip ."],
    ["zip, as a stream", true, "zip -qr - . | cat > ../out.zip"],
    ["zip in the C locale", true, "LC_ALL=C zip -qr ../out.zip ."],
    ["bsdtar", HAS.bsdtar, "bsdtar -C . -a -cf ../out.zip ."],
    ["bsdtar, as a padded stream", HAS.bsdtar, "bsdtar --format zip -cf - . | cat > ../out.zip"],
    ["Python", HAS.python3, `python3 -c '${PYTHON}' ../out.zip`],
  ];
  for (const [tool, isThere, command] of tools) {
    test.skipIf(!isThere)(tool, async () => {
      const folder = await pluginFolder();
      const made = await run(["sh", "-c", command], { cwd: join(folder, "plugin") });
      expect(made).toMatchObject({ code: 0 });
      expect(await targetsOf(join(folder, "out.zip"))).toEqual(PATHS);
    });
  }
});

describe("a zip that our reader takes has the same plugin for unzip", () => {
  test.each(TOOL_ZIPS.map((row) => [row.title, row] as const))("%s", async (_, { zip }) => {
    const folder = await tempFolder();
    await writeFile(join(folder, "a.zip"), zip());
    await run(["sh", "-c", "unzip -qqo a.zip -d out"], { cwd: folder }); // odd ones get a warning, and an exit code
    expect(await readFile(join(folder, "out/random.yaml"), "utf8")).toContain("interval: 1000");
    expect((await readFile(join(folder, "out/Random@v1.0.0.so"))).length).toBe(8192);
  });
});
