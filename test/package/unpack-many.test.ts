import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { UNWATCHED } from "../../src/domain/change.ts";
import { readArchive } from "../../src/package/archive.ts";
import { planPackage } from "../../src/package/plan.ts";
import { unpack } from "../../src/package/unpack.ts";
import { goodEntries, HOSTILE_LIMITS } from "../support/hostile-zips.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { buildZip, type ZipEntry } from "../support/zip.ts";

const RANDOM = { type: "sources", name: "random" } as const;
const LIMITS = { ...HOSTILE_LIMITS, maxEntries: 500 };
/** Larger ones are unpacked as streams, one at a time. */
const LARGE = 300 * 1024;

async function unpackZip(entries: readonly ZipEntry[], counter = UNWATCHED, signal = new AbortController().signal) {
  const folder = await tempFolder();
  await mkdir(join(folder, "box"));
  await writeFile(join(folder, "package.zip"), buildZip(entries));
  await using file = await open(join(folder, "package.zip"));
  const plan = planPackage(await readArchive(file, LIMITS.maxEntries), RANDOM, LIMITS);
  let count = 0;
  const stage = () => {
    count += 1;
    return { name: `${count}.new`, path: join(folder, "box", `${count}.new`) };
  };
  return await unpack(file, plan, { scriptFolder: join(folder, "script"), stage }, signal, counter);
}

/** Small files between large ones, packed and stored. */
const MANY: readonly ZipEntry[] = Array.from({ length: 100 }, (_, index) => ({
  name: `etc/f${index}`,
  data: index % 25 === 0 ? randomBytes(LARGE + index) : `file ${index}`.repeat(index),
  ...(index % 3 === 0 && { method: 0 }),
}));

describe("many files", () => {
  test("are unpacked each with its own data, and listed in the zip's order", async () => {
    const unpacked = await unpackZip([...goodEntries(), ...MANY]);
    const found = unpacked.filter(({ target }) => /\/f\d+$/.test(target));
    expect(found.map(({ target }) => target)).toEqual(
      MANY.map(({ name }) => `etc/sources/random/${String(name).slice(4)}`),
    );
    for (const [index, { path, sha256, bytes }] of found.entries()) {
      const data = Buffer.from(MANY[index]?.data ?? "");
      expect((await readFile(path)).equals(data), `file ${index}`).toBe(true);
      expect({ sha256, bytes }).toEqual({
        sha256: createHash("sha256").update(data).digest("hex"),
        bytes: data.length,
      });
    }
  });

  test("are counted to the last byte", async () => {
    let last: readonly (number | undefined)[] = [];
    await unpackZip([...goodEntries(), ...MANY], { ...UNWATCHED, bytes: (done, total) => (last = [done, total]) });
    const sum = [...goodEntries(), ...MANY].reduce((bytes, { data = "" }) => bytes + Buffer.byteLength(data), 0);
    expect(last).toEqual([sum, sum]);
  });

  test("of several that are damaged, the first in the zip's order is named, though others fail earlier", async () => {
    const damaged = (index: number): ZipEntry => ({ name: `etc/bad${index}`, data: `${index}`, crc32: 1 });
    const late: ZipEntry = { name: "etc/late", data: randomBytes(4 * LARGE), crc32: 1 };
    for (let round = 0; round < 10; round += 1) {
      const entries = [...goodEntries(), ...MANY.slice(0, 10), late, ...[1, 2, 3].map(damaged)];
      await expect(unpackZip(entries)).rejects.toMatchObject({
        code: "ARCHIVE_INVALID",
        message: expect.stringContaining("etc/late"),
      });
    }
  });

  test("end with the signal's reason", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const counter = { ...UNWATCHED, bytes: (done: number) => done > LARGE && stop.abort(reason) };
    await expect(unpackZip([...goodEntries(), ...MANY], counter, stop.signal)).rejects.toBe(reason);
  });
});

describe("a large entry, which is unpacked as a stream, is refused", () => {
  const data = randomBytes(LARGE);
  const packed = deflateRawSync(data);
  test.each<readonly [string, Partial<ZipEntry>, RegExp]>([
    ["with more data than it announces", { uncompressedSize: LARGE - 1 }, /more data/],
    ["with less data than it announces", { uncompressedSize: LARGE + 1 }, /less data/],
    ["with another checksum", { crc32: 1 }, /checksum/],
    ["with other data behind its own", { packed: Buffer.concat([packed, randomBytes(10)]) }, /other data/],
    ["that is cut", { packed: packed.subarray(0, -5) }, /can't be unpacked/],
    ["that is no deflate data", { packed: Buffer.alloc(LARGE, 0xff) }, /can't be unpacked/],
  ])("%s", async (_, change, refused) => {
    await expect(unpackZip([...goodEntries(), { name: "etc/large", data, ...change }])).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
      message: expect.stringMatching(refused),
    });
  });
});
