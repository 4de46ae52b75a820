import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { readArchive } from "../../src/package/archive.ts";
import { planPackage } from "../../src/package/plan.ts";
import { cpuMs } from "../support/cpu-time.ts";
import { goodEntries, HOSTILE_LIMITS } from "../support/hostile-zips.ts";
import { post } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startTestServer } from "../support/test-server.ts";
import { buildZip, type ZipEntry } from "../support/zip.ts";
import { extraField } from "../support/zip-fields.ts";
import { startZipHost } from "../support/zip-host.ts";

const RANDOM = { type: "sources", name: "random" } as const;
const LIMITS = { ...HOSTILE_LIMITS, maxEntries: 20_000 };
const MB = 1024 * 1024;

/** 4,019 characters: on its own below the limit of a path, below any folder above it. */
const LONG = Array.from({ length: 20 }, () => "n".repeat(200)).join("/");
const deep = (segments: number) => Array.from({ length: segments }, () => "d").join("/");

/** Bytes of all buffers that something still refers to. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}

async function openZip(zip: Buffer) {
  const path = join(await tempFolder(), "package.zip");
  await writeFile(path, zip);
  const file = await open(path);
  onTestFinished(() => file.close());
  return file;
}

async function plan(...entries: ZipEntry[]) {
  const file = await openZip(buildZip([...goodEntries(), ...entries]));
  return planPackage(await readArchive(file, LIMITS.maxEntries), RANDOM, LIMITS);
}

test.each([
  ["a path that is too long", LONG],
  ["one below etc", `etc/${LONG}`],
  ["a folder's", `${LONG}/`],
  ["one of many folders", deep(70)],
  ["one of many folders below etc", `etc/${deep(70)}`],
  ["a folder in many folders", `${deep(70)}/`],
])("%s is refused, and the entry is named", async (_, name) => {
  await expect(plan({ name, ...(name.endsWith("/") ? {} : { data: "x" }) })).rejects.toMatchObject({
    code: "ARCHIVE_INVALID",
    message: expect.stringContaining(name.slice(0, 100)),
  });
});

test.each([
  ["beside install.sh", deep(60)],
  ["below etc", `etc/${deep(60)}`],
])("a path of 60 segments is accepted %s", async (_, name) => {
  expect((await plan({ name, data: "x" })).files.map(({ entry }) => entry.rawName.toString())).toContain(name);
});

test.each([
  ["a path that is too long", LONG],
  ["one of many folders", deep(70)],
])("a client is told of %s", async (_, path) => {
  const host = await startZipHost();
  onTestFinished(() => host.close());
  const server = await startTestServer();
  onTestFinished(() => server.dispose());
  const zip = pluginZip({ ...RANDOM, script: "exit 0\n", files: { [path]: "x" } });
  const file = host.serve("/random.zip", zip);
  const [status, text] = await post(`${server.url}/plugins/sources`, { name: "random", file });
  expect([status, text]).toEqual([400, expect.stringContaining(`invalid zip file: "${path.slice(0, 100)}`)]);
  expect(await server.files()).not.toContain("plugins/sources/Random@v1.0.0.so");
});

test("ten thousand entries of 60 segments are planned in reasonable time", async () => {
  const entries = Array.from({ length: 10_000 }, (_, index): ZipEntry => ({ name: `${deep(59)}/${index}` }));
  const file = await openZip(buildZip([...goodEntries(), ...entries]));
  const archive = await readArchive(file, LIMITS.maxEntries);
  const began = cpuMs();
  expect(planPackage(archive, RANDOM, LIMITS).files.length).toBeGreaterThan(10_000);
  expect(cpuMs() - began).toBeLessThan(5000);
});

test("there may be no more folders than entries", async () => {
  const entriesIn = (folders: number) =>
    Array.from({ length: 20 }, (_, index): ZipEntry => ({ name: `${index}/${deep(folders - 1)}/x` }));
  const plan = async (folders: number) => {
    const file = await openZip(buildZip([...goodEntries(), ...entriesIn(folders)]));
    return planPackage(await readArchive(file, 100), RANDOM, { ...LIMITS, maxEntries: 100 });
  };
  expect((await plan(4)).files.length).toBeGreaterThan(20);
  await expect(plan(6)).rejects.toMatchObject({
    code: "ARCHIVE_INVALID",
    message: expect.stringContaining("its entries are in more than 100 folders (pluginPackage.maxEntries)"),
  });
});

test("a thousand records that point at one large local header are refused and take no room", async () => {
  const data = "x";
  const shared: ZipEntry = { name: "shared", data, local: { extra: extraField(0xcafe, Buffer.alloc(65_531)) } };
  const zip = buildZip([
    shared,
    ...Array.from({ length: 999 }, (): ZipEntry => ({ name: "shared", data, centralOnly: true, offset: 0 })),
    ...goodEntries(),
  ]);
  const file = await openZip(zip);

  const heldBefore = heldBytes();
  const before = process.memoryUsage().rss;
  const read = await readArchive(file, LIMITS.maxEntries).catch((reason: unknown) => reason);
  const growth = process.memoryUsage().rss - before;
  const held = heldBytes() - heldBefore;
  // Refused while it is read or while it is planned: either will do.
  const refuse = () => {
    if (read instanceof Error) throw read;
    planPackage(read as Awaited<ReturnType<typeof readArchive>>, RANDOM, LIMITS);
  };
  expect(refuse).toThrow(expect.objectContaining({ code: "ARCHIVE_INVALID" }));
  expect(growth).toBeLessThan(60 * MB);
  expect(held).toBeLessThan(10 * MB); // the sharper one: RSS also has what is only waiting to be collected
});
