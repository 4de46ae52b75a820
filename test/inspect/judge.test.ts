import { describe, expect, test } from "vitest";
import { ARM } from "../support/elf.ts";
import { RUNTIME } from "../support/go-elf.ts";
import { codesOf, engine, inspect, plugin } from "./kit.ts";

/** From two files to a verdict and its messages. Against Go itself: test/system/go-plugins.test.ts. */

const OTHER = "ffffffffffffffff";
const messageOf = async (...args: Parameters<typeof inspect>) => {
  const { verdict, problems } = await inspect(...args);
  expect(verdict).toBe("incompatible");
  return problems.map(({ message }) => message).join("\n");
};

test("a plugin that fits", async () => {
  expect(await inspect(plugin(), engine())).toMatchObject({
    verdict: "compatible",
    problems: [],
    exports: ["Random"],
    plugin: { pluginPath: "example.com/random", packages: 2, cpu: "amd64" },
    engineFacts: { goVersion: "go1.19.8", cpu: "amd64", libc: "static", trimpath: false, modules: 1 },
  });
});

describe("packages", () => {
  test("those that only one of them has do not count", async () => {
    const packages = { runtime: RUNTIME, "example.com/random": OTHER, "example.com/own": OTHER };
    expect(await inspect(plugin({ packages }), engine({ packages: { runtime: RUNTIME, os: OTHER } }))).toMatchObject({
      verdict: "compatible",
    });
  });

  test("all that differ are named, in order", async () => {
    const packages = { runtime: RUNTIME, "example.com/b": OTHER, "example.com/a": OTHER, "example.com/c": OTHER };
    const own = { ...packages, "example.com/a": RUNTIME, "example.com/b": RUNTIME };
    const { verdict, problems } = await inspect(plugin({ packages }), engine({ packages: own }));
    expect(verdict).toBe("incompatible");
    expect(problems).toEqual([
      {
        code: "PACKAGE_DIFFERS",
        message: expect.stringContaining(
          "2 of the 4 packages that the plugin shares with the engine differ, example.com/a and example.com/b;",
        ),
        packages: ["example.com/a", "example.com/b"],
      },
    ]);
  });

  test("hashes of different lengths differ", async () => {
    const packages = { runtime: RUNTIME + RUNTIME };
    const { problems } = await inspect(plugin({ packages }), engine());
    expect(problems.map(({ code }) => code)).toEqual(["PACKAGE_DIFFERS"]);
    expect(problems[0]?.message).toMatch(
      /^1 of the 1 packages that the plugin shares with the engine differs, runtime;/,
    );
  });
});

describe("why packages differ", () => {
  const differing = { packages: { runtime: OTHER } };
  const version = (text: string) => ({ strings: { "runtime.buildVersion.str": text } });

  test("another version of Go", async () => {
    const { problems } = await inspect(plugin({ ...differing, ...version("go1.18.1") }), engine());
    expect(problems.map(({ code }) => code)).toEqual(["GO_VERSION_DIFFERS", "PACKAGE_DIFFERS"]);
    expect(problems[0]?.message).toContain("the plugin was built with go1.18.1 and the engine with go1.19.8");
  });

  test("symbols are spelled in another way since Go 1.20", async () => {
    const message = await messageOf(plugin({ ...differing, separator: ":" }), engine());
    expect(message).toContain("the plugin was built with Go 1.20 or later and the engine with go1.19.8");
  });

  test("another version of Go whose packages are all the same is no problem: Go looks at packages only", async () => {
    expect(await inspect(plugin(version("go1.19.9")), engine())).toMatchObject({ verdict: "compatible" });
  });

  const root = (path: string) => ({
    strings: { "runtime.defaultGOROOT": "x", ...(path === "" ? {} : { "runtime.defaultGOROOT.str": path }) },
  });
  const built = (settings: string) => ({
    buildInfo: { goVersion: "go1.19.8", modules: `mod\texample.com/engine\tv1\t\nbuild\t-compiler=gc\n${settings}` },
  });

  test.each([
    [
      "the plugin was built without -trimpath and the engine with it",
      root("/usr/lib/go"),
      built("build\t-trimpath=true\n"),
    ],
    ["the plugin was built with -trimpath and the engine without it", root(""), built("")],
    [
      "the plugin by the Go in /opt/go and the engine by the one in /usr/lib/go",
      root("/opt/go"),
      { ...built(""), ...root("/usr/lib/go") },
    ],
    ["another Go or other flags", root(""), built("build\t-trimpath=true\n")],
    ["another Go or other flags", {}, built("")],
  ])("%s", async (words, pluginHas, engineHas) => {
    expect(await messageOf(plugin({ ...differing, ...pluginHas }), engine(engineHas))).toContain(words);
  });

  const modules = [
    "mod\texample.com/engine\tv2.0.0\t",
    "dep\texample.com/lib\tv1.1.0\th1:x=",
    "dep\texample.com/lib/sub\tv0.9.0\t",
    "=>\texample.org/fork\tv0.9.1\t",
    "build\t-compiler=gc\n",
  ].join("\n");
  const againstModules = (path: string) =>
    messageOf(
      plugin({ packages: { runtime: RUNTIME, [path]: OTHER } }),
      engine({ packages: { runtime: RUNTIME, [path]: RUNTIME }, buildInfo: { goVersion: "go1.19.8", modules } }),
    );

  test.each([
    ["example.com/lib/x", "example.com/lib, v1.1.0 in the engine"],
    ["example.com/lib/sub/x", "example.com/lib/sub (replaced by example.org/fork), v0.9.1 in the engine"],
    ["example.com/library", "from the same source as the engine (example.com/engine v2.0.0)"],
    ["example.com/engine/api", "from the same source as the engine (example.com/engine v2.0.0)"],
  ])("%s: %s", async (path, words) => {
    expect(await againstModules(path)).toContain(words);
  });
});

describe("symbols", () => {
  test("all that are missing are named, and what is there", async () => {
    const exports = ["example.com/random.Echo", "example.com/random.Count"];
    const message = await messageOf(plugin({ exports }), engine(), { wanted: ["Echo", "Random", "Other"] });
    expect(message).toContain("will look up Random and Other in the plugin's package, which has Count and Echo");
  });

  test("a package without any", async () => {
    expect(await messageOf(plugin({ exports: [] }), engine())).toContain("no upper-case function or variable at all");
  });

  test("nothing is wanted", async () => {
    expect(await inspect(plugin({ exports: [] }), engine(), { wanted: [] })).toMatchObject({ verdict: "compatible" });
  });

  test("1500 of them", async () => {
    const exports = Array.from({ length: 1500 }, (_, index) => `example.com/random.Name${index}`);
    const inspection = await inspect(plugin({ exports }), engine(), { wanted: ["Name1499"] });
    expect(inspection.verdict).toBe("compatible");
    expect(inspection.exports).toHaveLength(1000);
  });
});

describe("other systems", () => {
  test("another CPU, of which packages say nothing", async () => {
    const inspection = await inspect(plugin({ format: ARM, packages: { runtime: OTHER } }), engine());
    expect(codesOf(inspection)).toEqual(["WRONG_CPU"]);
    expect(inspection.problems[0]?.message).toContain(
      "built for arm and the engine for amd64: build it with GOARCH=amd64",
    );
  });

  const MUSL = { needed: ["libc.musl-x86_64.so.1"] };
  const GLIBC = { needed: ["libc.so.6"], versions: { "libc.so.6": ["GLIBC_2.2.5"] } };

  test("musl on glibc", async () => {
    const inspection = await inspect(plugin(MUSL), engine(GLIBC));
    expect([inspection.verdict, ...codesOf(inspection)]).toEqual(["incompatible", "WRONG_LIBC"]);
  });

  test("glibc on musl, which may work", async () => {
    const inspection = await inspect(plugin(GLIBC), engine(MUSL));
    expect([inspection.verdict, ...codesOf(inspection)]).toEqual(["unknown", "FOREIGN_LIBC"]);
  });

  test("the same on both", async () => {
    expect(await inspect(plugin(MUSL), engine(MUSL))).toMatchObject({ verdict: "compatible" });
  });
});

describe("engines", () => {
  test("one without packages can't load plugins", async () => {
    const inspection = await inspect(plugin(), engine({ packages: {} }));
    expect([inspection.verdict, ...codesOf(inspection)]).toEqual(["incompatible", "ENGINE_WITHOUT_PLUGINS"]);
  });

  test.each([
    ["is not there", undefined],
    ["is no ELF file", "#!/bin/sh\nexec kuiperd"],
    ["is no Go program", engine({ packages: {}, buildInfo: undefined } as object)],
    ["can't be read", engine().subarray(0, 100)],
  ])("one that %s", async (words, bytes) => {
    const inspection = await inspect(plugin(), bytes);
    expect([inspection.verdict, ...codesOf(inspection)]).toEqual(["unknown", "ENGINE_UNKNOWN"]);
    expect(inspection.problems[0]?.message).toContain(words);
    expect(inspection.problems[0]?.message).toContain("set engine.binary");
    expect(inspection.engineFacts).toBeUndefined();
  });

  test("without one, what is certain is said", async () => {
    const notElf = await inspect("a script", undefined);
    expect([notElf.verdict, ...codesOf(notElf)]).toEqual(["incompatible", "NOT_ELF"]);
    const unnamed = await inspect(plugin({ exports: [] }), undefined);
    expect([unnamed.verdict, ...codesOf(unnamed)]).toEqual(["incompatible", "SYMBOL_MISSING", "ENGINE_UNKNOWN"]);
  });
});
