import { describe, expect, test } from "vitest";
import { AMD64, ARM, type ElfFormat, S390X } from "../support/elf.ts";
import { RUNTIME } from "../support/go-elf.ts";
import { plugin, readingOf } from "./kit.ts";

/** What is read of a plugin's file. Files of the real linker are in recorded.test.ts. */

const FORMATS: readonly [string, ElfFormat][] = [
  ["amd64", AMD64],
  ["arm", ARM],
  ["s390x", S390X],
];

describe.each(FORMATS)("%s", (cpu, format) => {
  test.each([".", ":"] as const)("symbols that begin with go%slink", async (separator) => {
    const exports = ["example.com/random.Random", "example.com/random.Ärger", "example.com/random.X2_y"];
    const reading = await readingOf(plugin({ format, separator, exports }));
    expect(reading).toMatchObject({
      kind: "plugin",
      unread: "",
      exports: ["Random", "X2_y", "Ärger"],
      facts: { cpu, pluginPath: "example.com/random", packages: 2 },
      symbols: { separator },
    });
    expect(reading?.symbols?.hashes.get("runtime")).toBe(RUNTIME);
  });
});

test("hashes of any length", async () => {
  const packages = { runtime: "ab".repeat(40), "example.com/random": "cd".repeat(20) };
  const reading = await readingOf(plugin({ packages }));
  expect(Object.fromEntries(reading?.symbols?.hashes ?? [])).toEqual(packages);
});

test("only what other packages may name counts as exported", async () => {
  const names = ["random", "_Random", "(*Source).Open", "Source.Open", "Generic[int]", "A b", "", "9Lives"];
  const exports = [...names.map((name) => `example.com/random.${name}`), "Random", "example.com/other.Random"];
  expect(await readingOf(plugin({ exports }))).toMatchObject({ exports: [] });
});

test("a path that Go escapes in names of symbols", async () => {
  const path = "example.com/a%22b/v1%2e2";
  const reading = await readingOf(plugin({ pluginPath: path, exports: [`${path}.Random`] }));
  expect(reading).toMatchObject({ exports: ["Random"], facts: { pluginPath: 'example.com/a"b/v1.2' } });
});

test("a path of non-ASCII letters", async () => {
  const reading = await readingOf(plugin({ pluginPath: "example.com/%c3%a4", exports: ["example.com/%c3%a4.Random"] }));
  expect(reading).toMatchObject({ exports: ["Random"], facts: { pluginPath: "example.com/ä" } });
});

test("the end of another name is a name too", async () => {
  const pluginPath = "p";
  const exports = ["http.Random", "p.Other"];
  expect(await readingOf(plugin({ pluginPath, exports }))).toMatchObject({ exports: ["Other"] });
});

test("the version of Go, when the program asks for it", async () => {
  const strings = { "runtime.buildVersion.str": "go1.21.3" };
  expect(await readingOf(plugin({ strings }))).toMatchObject({ facts: { goVersion: "go1.21.3" } });
  expect(await readingOf(plugin())).toMatchObject({ facts: { goVersion: "" } });
});

test("the folder of Go", async () => {
  const asked = { "runtime.defaultGOROOT": "0123456789abcdef" };
  expect(await readingOf(plugin())).toMatchObject({ symbols: { goRoot: undefined } });
  expect(await readingOf(plugin({ strings: asked }))).toMatchObject({ symbols: { goRoot: "" } });
  const strings = { ...asked, "runtime.defaultGOROOT.str": "/usr/lib/go" };
  expect(await readingOf(plugin({ strings }))).toMatchObject({ symbols: { goRoot: "/usr/lib/go" } });
});

describe("kinds of files", () => {
  test.each([
    ["library", { packages: {} }],
    ["go-library", { pluginPath: undefined }],
    ["program", { type: 2 }],
    ["program", { flags1: 0x08000000 }],
    ["program", { isStatic: true }],
    ["program", { type: 1 }],
  ] as const)("%s: %o", async (kind, changes) => {
    expect(await readingOf(plugin({ ...changes, pluginPath: undefined } as object))).toMatchObject({ kind });
  });
});

describe("the C library", () => {
  test.each<[string, string[], string?]>([
    ["glibc", ["libpthread.so.0", "libc.so.6"]],
    ["glibc", ["libm.so.6"], "GLIBC_2.29"],
    ["musl", ["libc.musl-x86_64.so.1"]],
    ["musl", ["libc.so"]],
    ["none", []],
    ["none", ["libzmq.so.5"], "ZMQ_1"],
  ])("%s: %j %s", async (libc, needed, version) => {
    const versions = version === undefined ? {} : { [needed[0] ?? ""]: [version] };
    expect(await readingOf(plugin({ needed, versions }))).toMatchObject({ facts: { libc, libraries: needed } });
  });
});
