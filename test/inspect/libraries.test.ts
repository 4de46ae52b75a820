import { execFileSync } from "node:child_process";
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { endianness } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { findLibraries } from "../../src/inspect/system/libraries.ts";
import type { LibrarySearch } from "../../src/inspect/system/library-folders.ts";
import { readSystemFacts, systemFingerprint } from "../../src/inspect/system/system-facts.ts";
import { AMD64, ARM, buildElf } from "../support/elf.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { withoutRoot } from "../support/without-root.ts";

/** Where a loader looks for libraries, in a system of folders of the test's own. */

let root: string;
beforeEach(async () => {
  root = await tempFolder();
});

const LIBRARY = buildElf({ format: AMD64 });

async function put(path: string, content: Buffer | string = LIBRARY): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

const find = (changes: Partial<LibrarySearch> = {}, name = "libx.so.1") =>
  findLibraries([name], {
    ...{ cpu: "amd64", libc: "glibc", origin: "/plugins", rpath: "", runpath: "", engineRpath: "" },
    ...{ ldLibraryPath: "", loaded: [], root },
    ...changes,
  });
const missing = async (...args: Parameters<typeof find>) => (await find(...args)).missing;

const MISSING = ["libx.so.1"];
const FOUND: string[] = [];

test("a library that is nowhere", async () => {
  expect(await missing()).toEqual(MISSING);
  expect(await missing({ libc: "musl" })).toEqual(MISSING);
});

describe("glibc", () => {
  test.each(["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"])(
    "looks in %s",
    async (folder) => {
      await put(`${folder}/libx.so.1`);
      expect(await missing()).toEqual(FOUND);
      expect(await missing({ cpu: "arm" })).toEqual(MISSING);
    },
  );

  test("looks in folders that ldconfig knows, not in those that are only configured", async () => {
    await put("/opt/libs/libx.so.1");
    await put("/etc/ld.so.conf", "/opt/libs\n");
    expect(await missing()).toEqual(MISSING);
    await put("/etc/ld.so.cache", loaderCache({ "libother.so.2": "/opt/libs/o", "libx.so.1": "/opt/libs/libx.so.1" }));
    expect(await missing()).toEqual(FOUND);
    expect(await missing({}, "libx.so")).toEqual(["libx.so"]);
    await put(
      "/etc/ld.so.cache",
      Buffer.concat([Buffer.from("ld.so-1.7.0\0\0\0\0\0"), loaderCache({ "libx.so.1": "/opt/libs/libx.so.1" })]),
    );
    expect(await missing()).toEqual(FOUND);
  });

  test.each([
    ["empty", Buffer.alloc(0)],
    ["cut off", loaderCache({ "libx.so.1": "/opt/libs/libx.so.1" }).subarray(0, 60)],
    ["of positions outside of it", loaderCache({ "libx.so.1": "/opt/libs/libx.so.1" }).fill(0xff, 48)],
    ["not ended", loaderCache({ "libx.so.1": "/opt/libs/libx.so.1" }).subarray(0, -1)],
  ])("a cache that is %s is ignored", async (_, cache) => {
    await put("/opt/libs/libx.so.1");
    await put("/etc/ld.so.cache", cache);
    expect(await missing()).toEqual(MISSING);
  });
});

describe("musl", () => {
  test.each(["/lib", "/usr/local/lib", "/usr/lib"])("looks in %s", async (folder) => {
    await put(`${folder}/libx.so.1`);
    expect(await missing({ libc: "musl" })).toEqual(FOUND);
  });

  test("looks in the folders of its file instead", async () => {
    await put("/lib/libx.so.1");
    await put("/opt/lib/liby.so.1");
    await put("/etc/ld-musl-x86_64.path", "/opt/none\n/opt/lib:/opt/more\n");
    expect(await missing({ libc: "musl" }, "liby.so.1")).toEqual([]);
    expect(await missing({ libc: "musl" })).toEqual(MISSING);
  });

  test("has glibc's libraries in itself", async () => {
    for (const name of ["libc.musl-x86_64.so.1", "libc.so", "libpthread.so.0", "libm.so.6", "libdl.so.2"]) {
      expect(await missing({ libc: "musl" }, name)).toEqual([]);
    }
    expect(await missing({ libc: "musl" }, "libmosquitto.so.1")).toEqual(["libmosquitto.so.1"]);
  });
});

describe("folders that are named", () => {
  beforeEach(() => put("/opt/own/libx.so.1"));

  test.each<[string, Partial<LibrarySearch>]>([
    ["LD_LIBRARY_PATH", { ldLibraryPath: "/opt/none:/opt/own" }],
    ["LD_LIBRARY_PATH with semicolons", { ldLibraryPath: "/opt/none;/opt/own" }],
    ["the plugin's RUNPATH", { runpath: "/opt/own" }],
    ["the plugin's RPATH", { rpath: "/opt/own" }],
    ["the engine's RPATH", { engineRpath: "/opt/own" }],
    ["$ORIGIN", { runpath: "$ORIGIN/../own", origin: "/opt/plugins" }],
    [`\${ORIGIN}`, { rpath: `\${ORIGIN}/own`, origin: "/opt" }],
  ])("%s", async (_, changes) => {
    expect(await missing(changes)).toEqual(FOUND);
  });

  test("RUNPATH puts RPATH out of force", async () => {
    expect(await missing({ rpath: "/opt/own", runpath: "/opt/none" })).toEqual(MISSING);
    expect(await missing({ engineRpath: "/opt/own", runpath: "/opt/none" })).toEqual(MISSING);
  });

  test("are searched up to a number; with more of them it is unclear", async () => {
    const folders = (count: number) => Array.from({ length: count }, (_, index) => `/none${index}`).join(":");
    for (const named of ["runpath", "rpath", "engineRpath", "ldLibraryPath"]) {
      expect(await missing({ [named]: folders(32) })).toEqual(MISSING);
      expect(await missing({ [named]: `${folders(32)}:/none0` })).toEqual(MISSING); // it is named already
      expect(await missing({ [named]: folders(33) })).toEqual([]);
    }
  });

  test.each(["$LIB", "$PLATFORM/x", "relative", "$ORIGIN/x$LIB"])("nobody but the loader knows %s", async (folder) => {
    expect(await missing({ runpath: folder })).toEqual([]);
  });
});

test("what is loaded already, and loaders", async () => {
  expect(await missing({ loaded: ["libx.so.1"] })).toEqual(FOUND);
  for (const name of ["ld-linux-x86-64.so.2", "ld-musl-x86_64.so.1", "ld64.so.2", "./libx.so"]) {
    expect(await missing({}, name)).toEqual([]);
  }
});

test("loaders pass over what they can't load", async () => {
  await put("/opt/a/libx.so.1", buildElf({ format: ARM }));
  await put("/opt/b/libx.so.1", "INPUT(libx.so.2)");
  await mkdir(join(root, "opt/c/libx.so.1"), { recursive: true });
  await mkdir(join(root, "opt/d"), { recursive: true });
  await symlink("libx.so.1", join(root, "opt/d/libx.so.1"));
  expect(await missing({ ldLibraryPath: "/opt/a:/opt/b:/opt/c:/opt/d" })).toEqual(MISSING);
  await put("/lib/libx.so.1");
  expect(await missing({ ldLibraryPath: "/opt/a:/opt/b:/opt/c:/opt/d" })).toEqual(FOUND);
});

describe("LD_LIBRARY_PATH decides", () => {
  const path = { ldLibraryPath: "/opt/libs" };

  test("where nothing else leads to the library, or to another file", async () => {
    await put("/opt/libs/libx.so.1");
    const byPath = [join(root, "opt/libs/libx.so.1")];
    expect(await find(path)).toEqual({ missing: [], byPath });
    await put("/usr/lib/libx.so.1");
    expect(await find(path)).toEqual({ missing: [], byPath });
  });

  test("not where the library would be the same file, or is not there", async () => {
    await put("/usr/lib/libx.so.1");
    expect(await find(path)).toEqual({ missing: [], byPath: [] });
    await mkdir(join(root, "opt"));
    await symlink("../usr/lib", join(root, "opt/libs"));
    expect(await find(path)).toEqual({ missing: [], byPath: [] });
    expect(await find(path, "liby.so.1")).toEqual({ missing: ["liby.so.1"], byPath: [] });
    expect(await find({ ...path, rpath: "/usr/lib" })).toEqual({ missing: [], byPath: [] });
  });
});

test("nothing is opened that is no regular file", async () => {
  await put("/lib/libother.so");
  execFileSync("mkfifo", ["-m", "0", join(root, "lib/libx.so.1")]); // what can't be opened could be a library
  await chmod(root, 0o755);
  expect(await withoutRoot(() => missing())).toEqual(MISSING);
});

describe("the identity of this system", () => {
  const FACTS = { cpu: "amd64", libc: "glibc", glibc: "2.36" } as const;

  test("is the same until a library may have come or gone", async () => {
    await put("/etc/ld.so.cache", "");
    await put("/usr/lib/libx.so.1");
    const identity = (path = "") => systemFingerprint(FACTS, path, root);
    const seen = new Set([await identity()]);
    expect(seen).toContain(await identity());
    const changes = [
      () => put("/usr/lib/liby.so.1"),
      () => put("/lib/libx.so.1"),
      () => put("/etc/ld.so.cache", "another"),
      () => rm(join(root, "usr/lib/liby.so.1")),
    ];
    for (const change of changes) {
      await change();
      const now = await identity();
      expect(seen).not.toContain(now);
      seen.add(now);
    }
    await put("/opt/lib/liba.so");
    const named = await identity("/opt/lib");
    expect(seen).not.toContain(named);
    await put("/opt/lib/libb.so");
    expect(await identity("/opt/lib")).not.toBe(named);
    expect(seen).toContain(await identity());
  });

  test("is another one with another C library, and there without any folder", async () => {
    const identities = [FACTS, { ...FACTS, glibc: "2.37" }, { ...FACTS, libc: "musl", glibc: "" } as const].map(
      (facts) => systemFingerprint(facts, "", join(root, "nowhere")),
    );
    expect(new Set(await Promise.all(identities)).size).toBe(3);
  });
});

describe("this system", () => {
  test("is Node's", async () => {
    const facts = await readSystemFacts();
    const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
    expect(facts.glibc).toBe(report.header.glibcVersionRuntime ?? "");
    expect(facts.cpu).not.toBe("");
  });

  test("of glibc", async () => {
    await put("/bin/node", buildElf({ needed: ["libc.so.6"], type: 2 }));
    await put("/lib/libc.so.6", buildElf({ definedVersions: ["libc.so.6", "GLIBC_2.2.5", "GLIBC_2.31", "GLIBC_2.9"] }));
    expect(await readSystemFacts("", join(root, "bin/node"), root)).toEqual({
      cpu: "amd64",
      libc: "glibc",
      glibc: "2.31",
      glibcByPath: "",
    });
  });

  test("of a glibc that LD_LIBRARY_PATH leads to", async () => {
    await put("/bin/node", buildElf({ needed: ["libc.so.6"], type: 2 }));
    await put("/lib/libc.so.6", buildElf({ definedVersions: ["libc.so.6", "GLIBC_2.31"] }));
    await put("/opt/glibc/libc.so.6", buildElf({ definedVersions: ["libc.so.6", "GLIBC_2.39"] }));
    expect(await readSystemFacts("/opt/glibc", join(root, "bin/node"), root)).toMatchObject({
      glibc: "2.39",
      glibcByPath: join(root, "opt/glibc/libc.so.6"),
    });
    expect(await readSystemFacts("/opt", join(root, "bin/node"), root)).toMatchObject({
      glibc: "2.31",
      glibcByPath: "",
    });
  });

  test("of musl", async () => {
    await put("/bin/node", buildElf({ needed: ["libc.musl-x86_64.so.1"] }));
    expect(await readSystemFacts("", join(root, "bin/node"), root)).toEqual({
      cpu: "amd64",
      libc: "musl",
      glibc: "",
      glibcByPath: "",
    });
  });

  test.each([
    ["not there", undefined],
    ["a script", "a script"],
    ["broken", buildElf({ needed: ["libc.so.6"] }).fill(0xff, 64, 176)],
  ])("unknown: %s", async (_, content) => {
    if (content !== undefined) await put("/bin/node", content);
    expect(await readSystemFacts("", join(root, "bin/node"), root)).toMatchObject({ libc: "none", glibc: "" });
  });
});

/** As ldconfig writes it. */
function loaderCache(libraries: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(libraries);
  const strings = Buffer.from(entries.map(([name, path]) => `${name}\0${path}\0`).join(""));
  const head = Buffer.alloc(48 + 24 * entries.length);
  const put32 = (value: number, at: number) =>
    endianness() === "LE" ? head.writeUInt32LE(value, at) : head.writeUInt32BE(value, at);
  head.write("glibc-ld.so.cache1.1");
  put32(entries.length, 20);
  put32(strings.length, 24);
  let string = head.length;
  for (const [index, [name, path]] of entries.entries()) {
    const at = 48 + 24 * index;
    put32(3, at);
    put32(string, at + 4);
    put32(string + name.length + 1, at + 8);
    string += name.length + path.length + 2;
  }
  return Buffer.concat([head, strings]);
}
