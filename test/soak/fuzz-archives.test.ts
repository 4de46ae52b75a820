import { mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UNWATCHED } from "../../src/domain/change.ts";
import { PluginError } from "../../src/domain/errors.ts";
import { readArchive } from "../../src/package/archive.ts";
import { planPackage } from "../../src/package/plan.ts";
import { unpack } from "../../src/package/unpack.ts";
import { AMBIGUOUS_BUT_ACCEPTED, HOSTILE_LIMITS, HOSTILE_ZIPS, TOOL_ZIPS } from "../support/hostile-zips.ts";

/** `FUZZ_PLANNED=20000 FUZZ_UNPACKED=1000 FUZZ_SEED=1 npm run test:soak`. */
const PLANNED = Number(process.env.FUZZ_PLANNED ?? 1_000_000);
const UNPACKED = Number(process.env.FUZZ_UNPACKED ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);

/** What the process may grow by, whatever is thrown at it. */
const MEMORY_CAP_BYTES = 300 * 1024 * 1024;
/** One archive within the limits is read and unpacked in milliseconds. */
const HANG_MS = 20_000;

const RANDOM = { type: "sources", name: "random" } as const;

/** The corpus: every zip that the tests know, good, odd and hostile; the large ones would only slow this down. */
const SMALL = (zip: Buffer) => zip.length < 8192;
const ACCEPTED = [...AMBIGUOUS_BUT_ACCEPTED, ...TOOL_ZIPS].map(({ zip }) => zip()).filter(SMALL);
const CORPUS = [...ACCEPTED, ...HOSTILE_ZIPS.map(({ zip }) => zip()).filter(SMALL)];

/** Records of a zip, whose fields are the places at which a change is worth most. */
const SIGNATURES = ["504b0304", "504b0102", "504b0506", "504b0606", "504b0607", "504b0708"].map((hex) =>
  Buffer.from(hex, "hex"),
);
const INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xff, 0x2e, 0x2f, 0x5c, 0x3a];

/** Changes that know a zip's structure: fields of records, whole records, and the file around them. */
const mutation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("field" as const),
      record: fc.nat(40),
      at: fc.nat(80),
      value: fc.oneof(fc.constantFrom(...INTERESTING), fc.nat(255)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("wide" as const),
      record: fc.nat(40),
      at: fc.nat(56),
      value: fc.bigInt(0n, 2n ** 64n - 1n),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("byte" as const), at: fc.nat(8192), value: fc.nat(255) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at: fc.nat(8192), length: fc.nat(200) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("copy" as const),
      from: fc.nat(8192),
      length: fc.nat(200),
      at: fc.nat(8192),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("splice" as const), other: fc.nat(CORPUS.length - 1), at: fc.nat(8192) }),
  },
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

const mutatedZip = fc.record({
  // Mostly from good ones: what is refused at once exercises little.
  base: fc.oneof(
    { weight: 4, arbitrary: fc.nat(ACCEPTED.length - 1) },
    { weight: 1, arbitrary: fc.nat(CORPUS.length - 1) },
  ),
  mutations: fc.array(mutation, { minLength: 1, maxLength: 4 }),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fuzz-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test(`${PLANNED} mutated archives are planned or refused (seed ${SEED})`, async () => {
  let accepted = 0;
  const before = process.memoryUsage.rss();
  await fc.assert(
    fc.asyncProperty(mutatedZip, async ({ base, mutations }) => {
      if (await planOrRefuse(mutate(CORPUS[base] ?? Buffer.alloc(0), mutations))) accepted += 1;
    }),
    { numRuns: PLANNED, seed: SEED },
  );
  expect(process.memoryUsage.rss() - before).toBeLessThan(MEMORY_CAP_BYTES);
  console.log(`planned ${PLANNED} archives: ${accepted} accepted, ${PLANNED - accepted} refused (seed ${SEED})`);
});

test(`${UNPACKED} mutated archives are unpacked or refused, inside of their folder (seed ${SEED})`, async () => {
  let accepted = 0;
  const before = process.memoryUsage.rss();
  await fc.assert(
    fc.asyncProperty(mutatedZip, async ({ base, mutations }) => {
      if (await unpackOrRefuse(mutate(CORPUS[base] ?? Buffer.alloc(0), mutations))) accepted += 1;
    }),
    { numRuns: UNPACKED, seed: SEED },
  );
  expect(process.memoryUsage.rss() - before).toBeLessThan(MEMORY_CAP_BYTES);
  console.log(`unpacked ${UNPACKED} archives: ${accepted} accepted, ${UNPACKED - accepted} refused (seed ${SEED})`);
});

function mutate(zip: Buffer, mutations: readonly Mutation[]): Buffer {
  return mutations.reduce((bytes, change) => mutateOnce(Buffer.from(bytes), change), zip);
}

function mutateOnce(zip: Buffer, change: Mutation): Buffer {
  const position = (at: number) => (zip.length === 0 ? 0 : at % zip.length);
  switch (change.kind) {
    case "byte":
      if (zip.length > 0) zip[position(change.at)] = change.value;
      return zip;
    case "field":
      zip[recordAt(zip, change.record) + change.at] = change.value; // beyond the end this does nothing
      return zip;
    case "wide": {
      const at = recordAt(zip, change.record) + change.at;
      if (at + 8 <= zip.length) zip.writeBigUInt64LE(change.value, at);
      return zip;
    }
    case "cut":
      return Buffer.concat([zip.subarray(0, position(change.at)), zip.subarray(position(change.at) + change.length)]);
    case "copy": {
      const from = position(change.from);
      const part = zip.subarray(from, from + change.length);
      return Buffer.concat([zip.subarray(0, position(change.at)), part, zip.subarray(position(change.at))]);
    }
    case "splice":
      return Buffer.concat([zip.subarray(0, position(change.at)), CORPUS[change.other] ?? Buffer.alloc(0)]);
  }
}

/** Where the n-th record of the zip begins, counted round. */
function recordAt(zip: Buffer, number: number): number {
  const found: number[] = [];
  for (const signature of SIGNATURES) {
    for (let at = zip.indexOf(signature); at !== -1; at = zip.indexOf(signature, at + 1)) found.push(at);
  }
  return found[number % Math.max(1, found.length)] ?? 0;
}

async function planOrRefuse(zip: Buffer): Promise<boolean> {
  return withZip(zip, async (file) => {
    planPackage(await readArchive(file, HOSTILE_LIMITS.maxEntries), RANDOM, HOSTILE_LIMITS);
  });
}

async function unpackOrRefuse(zip: Buffer): Promise<boolean> {
  const box = join(folder, "box");
  await mkdir(box);
  let count = 0;
  const stage = () => {
    count += 1;
    return { name: `${count}.new`, path: join(box, `${count}.new`) };
  };
  const accepted = await withZip(zip, async (file) => {
    const plan = planPackage(await readArchive(file, HOSTILE_LIMITS.maxEntries), RANDOM, HOSTILE_LIMITS);
    await unpack(file, plan, { scriptFolder: join(box, "script"), stage }, AbortSignal.timeout(HANG_MS), UNWATCHED);
  });
  expect((await readdir(folder)).sort(), "nothing outside of the box").toEqual(["box", "package.zip"]);
  expect(await sizeOf(box), "no more than announced and allowed").toBeLessThanOrEqual(HOSTILE_LIMITS.maxTotalBytes);
  await rm(box, { recursive: true });
  return accepted;
}

/** Whether `work` accepted the zip; anything but a refusal of ours fails the test. */
async function withZip(zip: Buffer, work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>): Promise<boolean> {
  const path = join(folder, "package.zip");
  await writeFile(path, zip);
  const file = await open(path);
  try {
    await work(file);
    return true;
  } catch (error) {
    if (error instanceof PluginError && error.code === "ARCHIVE_INVALID") return false;
    throw error;
  } finally {
    await file.close();
  }
}

async function sizeOf(box: string): Promise<number> {
  const items = await readdir(box, { recursive: true, withFileTypes: true });
  const sizes = items.map(async (item) => {
    // A link or a device would be a hole in the box.
    expect(item.isFile() || item.isDirectory()).toBe(true);
    return item.isFile() ? (await stat(join(item.parentPath, item.name))).size : 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
