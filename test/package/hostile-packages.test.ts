import { mkdir, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UNWATCHED } from "../../src/domain/change.ts";
import { readArchive } from "../../src/package/archive.ts";
import { planPackage } from "../../src/package/plan.ts";
import { unpack } from "../../src/package/unpack.ts";
import { AMBIGUOUS_BUT_ACCEPTED, HOSTILE_LIMITS, HOSTILE_ZIPS } from "../support/hostile-zips.ts";

const RANDOM = { type: "sources", name: "random" } as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hostile-"));
  await mkdir(join(folder, "box"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Reads, plans and unpacks a zip as an install does; returns what was unpacked. */
async function unpackZip(zip: Buffer) {
  const path = join(folder, "package.zip");
  await writeFile(path, zip);
  const file = await open(path);
  let count = 0;
  const stage = () => {
    count += 1;
    return { name: `${count}.new`, path: join(folder, "box", `${count}.new`) };
  };
  try {
    const plan = planPackage(await readArchive(file, HOSTILE_LIMITS.maxEntries), RANDOM, HOSTILE_LIMITS);
    const staging = { scriptFolder: join(folder, "box", "script"), stage };
    return await unpack(file, plan, staging, new AbortController().signal, UNWATCHED);
  } finally {
    await file.close();
  }
}

describe("a hostile zip is refused", () => {
  test.each(HOSTILE_ZIPS.map((row) => [row.title, row] as const))("%s", async (_, { zip, refused }) => {
    const error = await unpackZip(zip()).catch((reason) => reason);
    expect(error).toMatchObject({
      name: "PluginError",
      code: "ARCHIVE_INVALID",
      message: expect.stringMatching(refused),
    });
    expect(error.message).not.toMatch(/[\p{Cc}\u2028]/u);
    expect((await readdir(folder)).sort()).toEqual(["box", "package.zip"]);
  });
});

describe("an odd but honest zip is unpacked", () => {
  test.each(AMBIGUOUS_BUT_ACCEPTED.map((row) => [row.title, row] as const))("%s", async (_, { zip }) => {
    const unpacked = await unpackZip(zip());
    expect(unpacked.map(({ target }) => target)).toContain("etc/sources/random.yaml");
  });
});
