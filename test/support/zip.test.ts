import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasProgram } from "./has-program.ts";
import { readZip } from "./read-zip.ts";
import { buildZip, type ZipEntry } from "./zip.ts";
import { FLAG, METHOD } from "./zip-fields.ts";

const ENTRIES: ZipEntry[] = [
  { name: "deflated.txt", data: "some text, ".repeat(100) },
  { name: "stored.txt", data: "some text", method: METHOD.stored },
  { name: "folder/" },
  { name: "folder/empty", data: "" },
  { name: "überblick.txt", data: "names in UTF-8" },
];

const CORRECT: Record<string, Buffer> = {
  plain: buildZip(ENTRIES),
  "no entries": buildZip([]),
  "data descriptors": buildZip(ENTRIES.map((entry) => ({ ...entry, dataDescriptor: "signed" }))),
  zip64: buildZip(
    ENTRIES.map((entry) => ({ ...entry, zip64: "both" })),
    { zip64End: {} },
  ),
  "a prefix": buildZip(ENTRIES, { prefix: "prefix", comment: "comment" }),
};

describe("buildZip", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "zip-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each(Object.entries(CORRECT))("writes a zip that yauzl reads: %s", async (title, zip) => {
    const expected = ENTRIES.map(({ name, data = "" }) => ({
      name: Buffer.from(name).toString("latin1"),
      data: Buffer.from(data),
    }));
    expect(await readZip(zip)).toEqual(title === "no entries" ? [] : expected);
  });

  it.skipIf(!hasProgram("unzip"))("writes zips that unzip finds correct", async () => {
    for (const [title, zip] of Object.entries(CORRECT)) {
      const path = join(folder, "unzip.zip");
      await writeFile(path, zip);
      const { status, stdout, stderr } = spawnSync("unzip", ["-t", path], { encoding: "utf8" });
      expect({ title, status, stderr, stdout }).toMatchObject({ status: title === "no entries" ? 1 : 0 });
    }
  });

  it.skipIf(!hasProgram("python3"))("writes zips that Python finds correct", async () => {
    for (const [title, zip] of Object.entries(CORRECT)) {
      const path = join(folder, "python.zip");
      await writeFile(path, zip);
      const { stdout, stderr } = spawnSync("python3", ["-m", "zipfile", "-t", path], { encoding: "utf8" });
      expect({ title, stdout: stdout.trim(), stderr }).toEqual({ title, stdout: "Done testing", stderr: "" });
    }
  });

  it("lets each record lie on its own", () => {
    const zip = buildZip([
      { name: "a", data: "xyz", central: { method: 99, name: "bb" }, local: { crc32: 1, flags: FLAG.encrypted } },
    ]);
    const central = zip.indexOf("PK\x01\x02");
    expect(zip.readUInt16LE(8)).toBe(METHOD.deflated);
    expect(zip.readUInt16LE(central + 10)).toBe(99);
    expect(zip.readUInt16LE(6)).toBe(FLAG.encrypted);
    expect(zip.readUInt16LE(central + 8)).toBe(0);
    expect(zip.readUInt32LE(14)).toBe(1);
    expect(zip.readUInt32LE(central + 16)).not.toBe(1);
    expect(zip.toString("latin1", 30, 31)).toBe("a");
    expect(zip.toString("latin1", central + 46, central + 48)).toBe("bb");
  });

  it("writes the same bytes each time", () => {
    expect(buildZip(ENTRIES)).toEqual(buildZip(ENTRIES));
  });
});
