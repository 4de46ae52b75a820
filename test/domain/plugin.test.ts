import { describe, expect, it } from "vitest";
import { type FilePath, isOwnFile, PLUGIN_TYPES, pluginKey } from "../../src/domain/plugin.ts";

it("knows three types, in the order in which they are reported", () => {
  expect(PLUGIN_TYPES).toEqual(["sources", "sinks", "functions"]);
});

it("gives one name in two types two keys", () => {
  expect(pluginKey({ type: "sources", name: "file" })).toBe("sources/file");
  expect(pluginKey({ type: "sinks", name: "file" })).toBe("sinks/file");
});

describe("a file of the source `random` is", () => {
  const random = { type: "sources", name: "random" } as const;

  it.each<FilePath>([
    "plugins/sources/random.so",
    "plugins/sources/Random.so",
    "plugins/sources/Random@v1.0.0.so",
    "etc/sources/random.yaml",
    "etc/sources/random.json",
    "etc/sources/random.yaml.new",
    "etc/sources/random.json.new.12",
    "etc/sources/random.yaml.bak",
    "etc/sources/random.yaml.bak.1",
    "etc/sources/random/a/b.conf",
  ])("%s", (path) => {
    expect(isOwnFile(random, path)).toBe(true);
  });

  it.each<FilePath>([
    "plugins/sources/other.so",
    "plugins/sources/random2.so",
    "plugins/sources/random.so/x.so",
    "plugins/sources/random/random.so",
    "plugins/sinks/random.so",
    "etc/sinks/random.yaml",
    "etc/sinks/random/a",
    "etc/sources/other.yaml",
    "etc/sources/other/a",
    "etc/sources/random",
    "etc/sources/random2/a",
    "etc/sources/random.yaml.yaml",
    "etc/sources/random.yaml.new.so",
    "etc/sources/random.yaml/x",
    "etc/sources/random.conf",
  ])("not %s", (path) => {
    expect(isOwnFile(random, path)).toBe(false);
  });

  it.each(["", "random/a", "a/../random"])("none of a plugin `%s`", (name) => {
    for (const path of ["etc/sources/random/a/b.yaml", "etc/sources//b.yaml", "etc/sources/.yaml"] as const) {
      expect(isOwnFile({ type: "sources", name }, path)).toBe(false);
    }
  });
});
