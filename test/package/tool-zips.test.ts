import { mkdir, open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UNWATCHED } from "../../src/domain/change.ts";
import { readArchive } from "../../src/package/archive.ts";
import { planPackage } from "../../src/package/plan.ts";
import { unpack } from "../../src/package/unpack.ts";
import { HOSTILE_LIMITS, TOOL_ZIPS } from "../support/hostile-zips.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Zips as tools make them: each has one reading, and that is what is installed. */

const RANDOM = { type: "sources", name: "random" } as const;
const GOOD = [
  "plugins/sources/Random@v1.0.0.so",
  "etc/sources/random.yaml",
  "etc/sources/random.json",
  "etc/sources/random/lookup/cities.csv",
];

test.each(TOOL_ZIPS.map((row) => [row.title, row] as const))("%s", async (_, { zip, engine = [], script = [] }) => {
  const folder = await tempFolder();
  const path = join(folder, "package.zip");
  await writeFile(path, zip());
  await using file = await open(path);
  const planned = planPackage(await readArchive(file, HOSTILE_LIMITS.maxEntries), RANDOM, HOSTILE_LIMITS);

  await mkdir(join(folder, "box"));
  let count = 0;
  const stage = () => {
    count += 1;
    return { name: `${count}.new`, path: join(folder, "box", `${count}.new`) };
  };
  const staging = { scriptFolder: join(folder, "script"), stage };
  const unpacked = await unpack(file, { ...planned, hasScript: true }, staging, AbortSignal.timeout(60_000), UNWATCHED);
  expect(unpacked.map(({ target }) => target).sort()).toEqual([...GOOD, ...engine].sort());

  expect((await filesIn(Buffer.from(join(folder, "script")))).sort()).toEqual(["README.md", ...script].sort());
});

/** Paths of all files below it, with one character for each byte of their names. */
async function filesIn(folder: Buffer, prefix = ""): Promise<string[]> {
  const items = await readdir(folder, { withFileTypes: true, encoding: "buffer" });
  const found = items.map(async (item) => {
    const path = prefix + item.name.toString("latin1");
    return item.isFile() ? [path] : filesIn(Buffer.concat([folder, SLASH, item.name]), `${path}/`);
  });
  return (await Promise.all(found)).flat();
}

const SLASH = Buffer.from("/");
