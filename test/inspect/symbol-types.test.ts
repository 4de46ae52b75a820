import { describe, expect, test } from "vitest";
import { AMD64, ARM, S390X } from "../support/elf.ts";
import { RUNTIME } from "../support/go-elf.ts";
import { API, goTypes } from "../support/go-types.ts";
import { codesOf, engine, inspect, plugin } from "./kit.ts";

/** Types of symbols in files made by hand. Against Go itself: test/system/symbol-types.test.ts. */

const FORMATS = [
  ["amd64", AMD64],
  ["arm", ARM],
  ["s390x", S390X],
] as const;

const typedEngine = (format = AMD64, changes = {}) =>
  engine({
    ...{ format, types: goTypes(format) },
    packages: { runtime: RUNTIME, [API]: "33", main: "22" },
    ...changes,
  });
const typedPlugin = (kind: "func" | "variable" | "int", format = AMD64, changes = {}) =>
  plugin({ format, types: goTypes(format, { Random: kind }), ...changes });
const wanted = { pluginType: "sources" } as const;

describe.each(FORMATS)("%s", (_, format) => {
  test.each(["func", "variable"] as const)("a %s that the engine takes", async (kind) => {
    const inspection = await inspect(typedPlugin(kind, format), typedEngine(format), wanted);
    expect(inspection).toMatchObject({ verdict: "compatible", problems: [] });
  });

  test("a number", async () => {
    const { verdict, problems } = await inspect(typedPlugin("int", format), typedEngine(format), wanted);
    expect(verdict).toBe("incompatible");
    expect(problems).toMatchObject([{ code: "SYMBOL_TYPE" }]);
    expect(problems[0]?.message).toMatch(
      /^the engine takes a func\(\) api.Source or a value that implements api.Source, of the package \S+pkg\/api, and Random is a variable of the type int: declare it as func\(\) api.Source; .*restart/,
    );
  });
});

test("a source as a sink, and where the type is only guessed", async () => {
  const asSink = await inspect(typedPlugin("func"), typedEngine(), { pluginType: "sinks" });
  expect(asSink.problems[0]?.message).toContain("Random is a source: install it as one of the sources");
  expect(await inspect(typedPlugin("func"), typedEngine())).toMatchObject({ verdict: "compatible" });
  expect(codesOf(await inspect(typedPlugin("int"), typedEngine()))).toEqual(["SYMBOL_TYPE"]);
});

describe("what is not known is said, and never guessed", () => {
  const unknown = async (pluginBytes: Buffer, engineBytes: Buffer) => {
    const { verdict, problems } = await inspect(pluginBytes, engineBytes, wanted);
    expect([verdict, ...problems.map(({ code }) => code)]).toEqual(["unknown", "SYMBOL_TYPE_UNKNOWN"]);
    return problems[0]?.message ?? "";
  };

  test.each(["go1.28.0", "go1.12.17", "go2.0", "devel go1.99-abc", ""])("an engine of %j", async (goVersion) => {
    const of = typedEngine(AMD64, { buildInfo: { goVersion, modules: "" } });
    expect(await unknown(typedPlugin("int"), of)).toContain("describes types is not known");
  });

  test("a plugin without the table, and one whose table names what it does not export", async () => {
    expect(await unknown(plugin(), typedEngine())).toContain("table of symbols' types has 0 entries");
    const other = plugin({ types: goTypes(AMD64, { Other: "int" }) });
    expect(await unknown(other, typedEngine())).toContain("laid out in an unknown way");
  });

  test("an engine whose interfaces are not where they should be", async () => {
    const types = { ...goTypes(AMD64), interfaces: {} };
    expect(await unknown(typedPlugin("func"), typedEngine(AMD64, { types }))).toContain("does not name api.Source");
  });

  test("another Go is a problem of its own", async () => {
    const other = typedPlugin("int", AMD64, { packages: { runtime: "44", [API]: "33" } });
    expect(codesOf(await inspect(other, typedEngine(), wanted))).toEqual(["PACKAGE_DIFFERS"]);
  });
});

describe("files that lie", () => {
  test("about how much there is", async () => {
    const many = typedEngine(AMD64, { types: goTypes(AMD64, {}, 5000) });
    const { problems } = await inspect(typedPlugin("func"), many, wanted);
    expect(problems[0]?.message).toContain("more than 4096 methods");
  });

  test.each(FORMATS)("anywhere, on %s", async (_, format) => {
    const originals = [typedPlugin("func", format), typedPlugin("variable", format)];
    const whole = typedEngine(format);
    const blob = goTypes(format, { Random: "func" }).bytes.length;
    for (const original of originals) {
      const start = original.indexOf("github.com/lf-edge") - 16;
      for (let at = start; at < start + blob + 200; at += 13) {
        const bytes = Buffer.from(original);
        bytes.fill([0xff, 0x7f, 0][at % 3] ?? 0, at, at + 4);
        const { verdict } = await inspect(bytes, whole, wanted);
        expect(["unknown", "incompatible", "compatible"]).toContain(verdict);
      }
    }
  });
});
