import { describe, expect, test } from "vitest";
import { readDynamic } from "../../src/inspect/elf/dynamic.ts";
import { readElf } from "../../src/inspect/elf/image.ts";
import { findSection } from "../../src/inspect/elf/sections.ts";
import { findSymbols, openSymbols } from "../../src/inspect/elf/symbols.ts";
import { withFile } from "../../src/inspect/file-bytes.ts";
import { compareVersions, definedVersions, neededVersions, newestGlibc } from "../../src/inspect/libc.ts";
import { AMD64, ARM, buildElf, type ElfContents, type ElfFormat, S390X } from "../support/elf.ts";
import { fileOf, withImage } from "./kit.ts";

/** What the readers of ELF files read, from files of both byte orders and both word sizes. */

const FORMATS: readonly [string, ElfFormat][] = [
  ["amd64", AMD64],
  ["arm", ARM],
  ["s390x", S390X],
  ["mips", { littleEndian: false, wordBytes: 4, machine: 8 }],
];

const dynamicOf = (contents: ElfContents) => withImage(buildElf(contents), readDynamic);

describe.each(FORMATS)("%s", (cpu, format) => {
  test("headers", async () => {
    await withImage(buildElf({ format }), async (image) => {
      expect(image).toMatchObject({ cpu, type: 3, isTruncated: false });
    });
  });

  test("libraries and folders", async () => {
    const dynamic = await dynamicOf({
      format,
      needed: ["liba.so.1", "libc.so.6"],
      runpath: "$ORIGIN",
      rpath: "/opt/lib",
    });
    expect(dynamic).toMatchObject({ needed: ["liba.so.1", "libc.so.6"], runpath: "$ORIGIN", rpath: "/opt/lib" });
  });

  test("versions that it asks for and that it has", async () => {
    const contents = {
      format,
      versions: { "libm.so.6": ["GLIBC_2.29"], "libc.so.6": ["GLIBC_2.9", "GLIBC_2.34", "GLIBC_PRIVATE"] },
      definedVersions: ["libx.so", "X_1.0"],
    };
    await withImage(buildElf(contents), async (image) => {
      const dynamic = await readDynamic(image);
      if (dynamic === undefined) throw new Error("it has a dynamic section");
      expect(await neededVersions(image, dynamic)).toEqual(["GLIBC_2.29", "GLIBC_2.9", "GLIBC_2.34", "GLIBC_PRIVATE"]);
      expect(await definedVersions(image, dynamic)).toEqual(["libx.so", "X_1.0"]);
    });
  });

  test.each(["gnu", "plain"] as const)("symbols that are counted by the %s table", async (hash) => {
    const symbols = [
      { name: "wanted.elsewhere" },
      { name: "wanted.one", at: 0, size: 3 },
      { name: "other", at: 8 },
      { name: "wanted.two", at: 16, size: 5 },
    ];
    await withImage(buildElf({ format, symbols, hash, data: Buffer.alloc(32) }), async (image) => {
      const dynamic = await readDynamic(image);
      if (dynamic === undefined) throw new Error("it has a dynamic section");
      const found = await findSymbols(
        await openSymbols(image, dynamic),
        [{ part: "wanted.", offset: 0, prefixes: ["wanted."] }],
        () => true,
      );
      expect(found).toMatchObject([
        { name: "wanted.one", index: 2, size: 3 },
        { name: "wanted.two", index: 4, size: 5 },
      ]);
      expect((found[1]?.address ?? 0) - (found[0]?.address ?? 0)).toBe(16);
    });
  });

  test("sections by name", async () => {
    const sections = [
      { name: ".debug_info", content: Buffer.from("some"), flags: 0x800 },
      { name: ".comment", content: Buffer.from("another") },
    ];
    await withImage(buildElf({ format, sections }), async (image) => {
      expect(await findSection(image, [".zdebug_info", ".debug_info"])).toMatchObject({
        name: ".debug_info",
        size: 4,
        isCompressed: true,
      });
      expect(await findSection(image, [".comment"])).toMatchObject({ isCompressed: false });
      expect(await findSection(image, [".debug"])).toBeUndefined();
    });
  });
});

test("a CPU that Go does not know", async () => {
  await withImage(buildElf({ format: { ...AMD64, machine: 94 } }), async ({ cpu }) => {
    expect(cpu).toBe("e_machine 94 (64-bit, little-endian)");
  });
});

test("a static program has no dynamic section", async () => {
  expect(await dynamicOf({ isStatic: true })).toBeUndefined();
});

test.each([
  ["nothing", ""],
  ["a script", "a script of more than sixteen bytes"],
  ["the magic number alone", "\x7fELF"],
  ["a header that is too short", buildElf().subarray(0, 60)],
  ["an unknown class", changed(4, 3)],
  ["an unknown byte order", changed(5, 0)],
  ["another version", changed(6, 2)],
])("no ELF file: %s", async (_, bytes) => {
  expect(await withFile(await fileOf(bytes), readElf)).toBeUndefined();
});

function changed(at: number, value: number): Buffer {
  const bytes = buildElf();
  bytes[at] = value;
  return bytes;
}

test("a file that ends before what has to be loaded", async () => {
  const whole = buildElf({ data: Buffer.alloc(1000) });
  await withImage(whole.subarray(0, 500), async ({ isTruncated }) => expect(isTruncated).toBe(true));
  await withImage(whole.subarray(0, 70), async ({ isTruncated }) => expect(isTruncated).toBe(true));
});

test("versions are ordered by their numbers", () => {
  expect(["2.9", "2.34.1", "2.2.5", "2.34"].sort(compareVersions)).toEqual(["2.2.5", "2.9", "2.34", "2.34.1"]);
  expect(newestGlibc(["GLIBC_2.9", "GLIBC_2.17", "GLIBC_PRIVATE", "GLIBCXX_3.4", "GLIBC_2.x"])).toBe("2.17");
  expect(newestGlibc(["GLIBC_ABI_DT_RELR"])).toBe("");
});
