import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { codesOf, inspect } from "./kit.ts";

/** What is left of real engines and plugins, see fixtures/README.md. Whole ones: test/system/go-plugins.test.ts. */

const recorded = async (name: string) =>
  gunzipSync(await readFile(join(import.meta.dirname, "fixtures", `${name}.elf.gz`)));
const against = async (plugin: string, engine: string, wanted = ["Random"]) =>
  await inspect(await recorded(plugin), await recorded(engine), { wanted, libraries: false });

describe.each([
  ["plugin", "engine", "amd64", "glibc", "go1.19.8"],
  ["stripped-plugin", "engine", "amd64", "glibc", ""],
  ["arm-plugin", "arm-engine", "arm", "glibc", "go1.19.8"],
  ["s390x-plugin", "s390x-engine", "s390x", "glibc", "go1.19.8"],
  ["musl-plugin", "musl-engine", "amd64", "musl", "go1.19.8"],
])("%s on %s", (plugin, engine, cpu, libc, goVersion) => {
  test("fits", async () => {
    const inspection = await against(plugin, engine);
    expect(inspection).toMatchObject({
      verdict: "compatible",
      problems: [],
      exports: ["Count", "Keep", "Random"],
      plugin: { cpu, libc, goVersion, pluginPath: "example.com/engine/plugins/random" },
      engineFacts: { cpu, libc, goVersion: "go1.19.8", trimpath: true, modules: 2 },
    });
    expect(inspection.plugin?.packages).toBeGreaterThan(35);
  });

  test("has no Echo", async () => {
    expect(codesOf(await against(plugin, engine, ["Echo"]))).toEqual(["SYMBOL_MISSING"]);
  });
});

test("one package changed", async () => {
  const { problems } = await against("changed-plugin", "engine");
  expect(problems).toMatchObject([{ code: "PACKAGE_DIFFERS", packages: ["example.com/engine/model"] }]);
});

test("without -trimpath", async () => {
  const { problems } = await against("untrimmed-plugin", "engine");
  expect(problems).toMatchObject([{ code: "PACKAGE_DIFFERS" }]);
  expect(problems[0]?.packages).toContain("runtime");
  expect(problems[0]?.message).toContain("the plugin was built without -trimpath and the engine with it");
});

test("another version of a module", async () => {
  const { problems } = await against("other-plugin", "engine");
  expect(problems).toMatchObject([{ code: "PACKAGE_DIFFERS", packages: ["example.com/greet"] }]);
  expect(problems[0]?.message).toContain("example.com/greet, v1.1.0 in the engine and v1.0.0 in the plugin");
});

test.each([
  ["arm-plugin", "engine", "WRONG_CPU"],
  ["s390x-plugin", "arm-engine", "WRONG_CPU"],
  ["musl-plugin", "engine", "WRONG_LIBC"],
  ["plugin", "musl-engine", "FOREIGN_LIBC"],
  ["engine", "engine", "NOT_GO_PLUGIN"],
])("%s on %s: %s", async (plugin, engine, code) => {
  expect(codesOf(await against(plugin, engine))).toEqual([code]);
});

test("as Go 1.20 and later spell the symbols", async () => {
  const spelled = async (name: string) => replaced(await recorded(name), "go.link.pkghash", "go:link.pkghash");
  const [plugin, engine] = [await spelled("plugin"), await spelled("engine")];
  expect(await inspect(plugin, engine, { libraries: false })).toMatchObject({
    verdict: "compatible",
    exports: ["Count", "Keep", "Random"],
  });
});

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  for (let hit = bytes.indexOf(from); hit !== -1; hit = bytes.indexOf(from, hit)) bytes.write(to, hit);
  return bytes;
}
