import { execFileSync } from "node:child_process";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readProducer } from "../../src/inspect/go/toolchain.ts";
import { createInspector } from "../../src/inspect/inspector.ts";
import { AMD64, ARM, buildElf, S390X } from "../support/elf.ts";
import { goElf, RUNTIME } from "../support/go-elf.ts";
import { API, goTypes } from "../support/go-types.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { codesOf, ENGINE, engine, fileOf, inspect, PLUGIN, plugin, readingOf, withImage } from "./kit.ts";

/** Files that lie. They get an answer, soon, and never an exception. */

const HUGE = 2 ** 40;
const TAGS = {
  NEEDED: 1,
  HASH: 4,
  STRTAB: 5,
  SYMTAB: 6,
  RELA: 7,
  RELASZ: 8,
  STRSZ: 10,
  RUNPATH: 29,
  GNU_HASH: 0x6ffffef5,
};
const VERNEED = 0x6ffffffe;

describe("a number that can't be", () => {
  const rich = {
    needed: ["libc.so.6"],
    runpath: "/opt/lib",
    versions: { "libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.34"] },
    strings: { "runtime.buildVersion.str": "go1.19.8" },
  };

  test.each(Object.entries({ ...TAGS, VERNEED, VERNEEDNUM: 0x6fffffff }))("%s", async (_, tag) => {
    for (const value of [HUGE, 0xffffffff, 2 ** 63, 0x10000 - 1, 0x10001]) {
      const lying = plugin({ ...rich, lies: { [tag]: value } });
      const { verdict } = await inspect(lying, engine());
      expect(["unknown", "incompatible", "compatible"]).toContain(verdict);
      const { verdict: asEngine } = await inspect(plugin(), lying);
      expect(["unknown", "incompatible", "compatible"]).toContain(asEngine);
    }
  });

  test.each([TAGS.STRTAB, TAGS.SYMTAB, TAGS.STRSZ, TAGS.GNU_HASH])("makes the answer unknown: tag %d", async (tag) => {
    const inspection = await inspect(plugin({ ...rich, lies: { [tag]: HUGE } }), engine(), { libraries: false });
    expect([inspection.verdict, ...codesOf(inspection)]).toEqual(["unknown", "INSPECTION_INCOMPLETE"]);
    expect(inspection.exports).toEqual([]);
  });
});

describe("more than is worth reading", () => {
  const withSymbols = (count: number) =>
    plugin({ exports: Array.from({ length: count }, (_, index) => `example.com/random.N${index}`) });

  test("symbols of the plugin", async () => {
    const started = performance.now();
    const inspection = await inspect(withSymbols(110_000), engine());
    expect(codesOf(inspection)).toEqual(["INSPECTION_INCOMPLETE"]);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test("a table of names that is one long name", async () => {
    const name = "go.link.pkghash".repeat(300_000);
    const reading = await readingOf(plugin({ exports: [name] }));
    expect(reading?.unread).toMatch(/more than \d+ symbols/);
  });

  test("names just below the longest", async () => {
    const path = `example.com/${"x".repeat(4000)}`;
    expect(await readingOf(plugin({ pluginPath: path, exports: [`${path}.Random`] }))).toMatchObject({
      exports: ["Random"],
    });
    const longer = `example.com/${"x".repeat(5000)}`;
    expect(await readingOf(plugin({ pluginPath: longer }))).toMatchObject({ exports: [], kind: "unclear" });
  });

  test("program headers", async () => {
    const bytes = buildElf({ data: Buffer.alloc(20_000) });
    bytes.writeUInt16LE(300, 56);
    expect((await readingOf(bytes))?.unread).toContain("more than 256 program headers");
  });

  test("a chain of hashes that does not end", async () => {
    const bytes = plugin();
    // One bucket, which begins with symbol 1, and a bloom filter of no words; see support/elf.ts.
    const table = bytes.indexOf(Buffer.from("01000000010000000100000000000000", "hex"));
    const chain = table + 16 + 8 + 4;
    bytes.fill(0, chain, chain + 4 * 5); // the file's five symbols
    const reading = await readingOf(bytes);
    expect(reading?.unread).not.toBe("");
    expect(reading?.kind).toBe("unclear");
  });
});

test("strings of a file are shown without control characters", async () => {
  const path = "example.com/\u001b[2Jx\n";
  const { plugin: facts, problems } = await inspect(
    plugin({
      pluginPath: path,
      packages: { runtime: "00", [path]: "11" },
      exports: [`${path}.Other`],
      needed: ["a\nb"],
    }),
    engine({ packages: { runtime: "22", [path]: "33" } }),
  );
  const texts = JSON.stringify([facts, problems.map((problem) => [problem.message, problem.packages])], null, 0);
  expect(texts).toContain("\\\\u001b[2Jx");
  expect(texts).not.toMatch(/[^\\]\\[nu]/); // JSON's own escapes of control characters
});

test("more libraries than a plugin asks for", async () => {
  const needed = Array.from({ length: 300 }, (_, index) => `lib${index}.so`);
  expect((await readingOf(plugin({ needed })))?.unread).toContain("more than 200 libraries");
});

describe("debug information", () => {
  const producerOf = (content: Buffer, name = ".debug_info", flags = 0) =>
    withImage(buildElf({ sections: [{ name, content, flags }] }), readProducer);
  const text = `${"x".repeat(100)}\0Go cmd/compile go1.21.5; regabi\0`;
  const COMPRESSED = 0x800;
  const compressed = (data: Buffer, kind = 1) => {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(kind, 0);
    return Buffer.concat([header, data]);
  };

  test("plain, compressed in both ways, and cut off", async () => {
    expect(await producerOf(Buffer.from(text))).toBe("go1.21.5");
    expect(await producerOf(compressed(deflateSync(text)), ".debug_info", COMPRESSED)).toBe("go1.21.5");
    const old = Buffer.concat([Buffer.from("ZLIB\0\0\0\0\0\0\0\x55"), deflateSync(text)]);
    expect(await producerOf(old, ".zdebug_info")).toBe("go1.21.5");
    expect(await producerOf(compressed(deflateSync(text).subarray(0, -8)), ".debug_info", COMPRESSED)).toBe("go1.21.5");
  });

  test("none, of another language, of another compression, broken, and a bomb", async () => {
    expect(await producerOf(Buffer.alloc(0))).toBe("");
    expect(await producerOf(Buffer.from("GNU C17 12.2.0\0"))).toBe("");
    expect(await producerOf(compressed(Buffer.from(text), 2), ".debug_info", COMPRESSED)).toBe("");
    expect(await producerOf(compressed(Buffer.from(text)), ".debug_info", COMPRESSED)).toBe("");
    expect(await producerOf(Buffer.alloc(10), ".debug_info", COMPRESSED)).toBe("");
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024));
    expect(await producerOf(compressed(bomb), ".debug_info", COMPRESSED)).toBe("");
  });
});

const inspectorOf = (binary: string) =>
  createInspector({ config: { binary, verify: "warn" }, baseFolder: "/nowhere", env: {} });

describe("what is no regular file", () => {
  test("a FIFO, a folder and a device, as plugin and as engine", async () => {
    const folder = await tempFolder();
    const fifo = join(folder, "fifo.so");
    execFileSync("mkfifo", [fifo]);
    const so = await fileOf(plugin());
    for (const path of [fifo, folder, "/dev/zero"]) {
      const inspector = inspectorOf(path);
      expect(codesOf(await inspector.inspect(path, []))).toEqual(["NOT_ELF"]);
      const inspection = await inspector.inspect(so, []);
      expect(codesOf(inspection)).toEqual(["ENGINE_UNKNOWN"]);
      expect(inspection.problems[0]?.message).toContain("no regular file");
    }
  });

  test("a plugin that is not there is the caller's error", async () => {
    await expect(inspectorOf("").inspect("/nowhere.so", [])).rejects.toMatchObject({ code: "ENOENT" });
  });
});

test("a sparse file of a terabyte", async () => {
  const so = await fileOf(plugin());
  await truncate(so, 2 ** 40);
  expect(codesOf(await inspectorOf("").inspect(so, ["Random"]))).toEqual(["ENGINE_UNKNOWN"]);
});

/** mulberry32: the same files on every run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("files with random changes", () => {
  const ROUNDS = Number(process.env.FUZZ_ELF ?? 150);
  const contents = {
    needed: ["libc.so.6"],
    runpath: "$ORIGIN",
    versions: { "libc.so.6": ["GLIBC_2.2.5"] },
    sections: [{ name: ".debug_info", content: deflateSync("Go cmd/compile go1.19.8; "), flags: 0x800 }],
  };

  test.each([
    ["amd64", { format: AMD64 }],
    ["arm", { format: ARM }],
    ["s390x", { format: S390X }],
  ])("%s", async (_, changes) => {
    const random = randomNumbers(42);
    const packages = { ...ENGINE.packages, [API]: RUNTIME };
    const originals = [
      goElf({ ...PLUGIN, ...contents, ...changes, types: goTypes(changes.format, { Random: "func" }) }),
      goElf({ ...ENGINE, ...contents, ...changes, packages, types: goTypes(changes.format) }),
    ];
    const verdicts = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const [first, second] = originals.map((original) => {
        const bytes = Buffer.from(original);
        for (let count = Math.floor(random() * 6); count > 0; count -= 1) {
          const at = Math.floor(random() * bytes.length);
          const value = [0, 1, 0x7f, 0x80, 0xff, Math.floor(random() * 256)][Math.floor(random() * 6)] ?? 0;
          bytes.fill(value, at, Math.min(bytes.length, at + 2 ** Math.floor(random() * 4)));
        }
        return random() < 0.1 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
      });
      const started = performance.now();
      const { verdict } = await inspect(first ?? "", second ?? "");
      expect(performance.now() - started).toBeLessThan(10_000);
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    }
    expect(verdicts.size).toBeGreaterThan(1); // it changed something, and not everything
  });
});
