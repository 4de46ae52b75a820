import { expect, it } from "vitest";
import { extraPath, isFilePath, jsonPath, soPath, volumeOf, yamlPath } from "../../src/domain/plugin.ts";

const RANDOM = { type: "sources", name: "random" } as const;

it.each([
  [soPath("sources", "Random@v1.0.0.so"), "plugins/sources/Random@v1.0.0.so", "plugins"],
  [yamlPath(RANDOM), "etc/sources/random.yaml", "etc"],
  [jsonPath(RANDOM), "etc/sources/random.json", "etc"],
  [extraPath(RANDOM, "certs/ca.pem"), "etc/sources/random/certs/ca.pem", "etc"],
])("names %s", (path, expected, volume) => {
  expect(path).toBe(expected);
  expect(volumeOf(path)).toBe(volume);
  expect(isFilePath(path)).toBe(true);
});

it.each(["plugins/sinks/a.so", "etc/functions/a/b/c", "etc/sinks/..a", "etc/sinks/größe", "etc/sinks/a\nb"])(
  "takes %j for a file of ours",
  (text) => expect(isFilePath(text)).toBe(true),
);

it.each([
  "",
  "plugins",
  "plugins/registry.json",
  "plugins/.changes/x/1.new",
  "plugins/sources",
  "plugins/sources/",
  "plugins/others/a.so",
  "etc/kuiper.yaml",
  "etc/sources/../kuiper.yaml",
  "etc/sources/..",
  "etc/sources/a/../../../../x",
  "etc/sources/./a",
  "etc/sources//a",
  "etc/sources/a/",
  "/etc/sources/a",
  "/etc/passwd",
  "etcx/sources/a",
  "xetc/sources/a",
  "etc/sourcesx/a",
  "ETC/sources/a",
  "etc\\sources\\a",
  "etc/sources/..\\a",
  "etc/sources/a\0",
  "x\netc/sources/a",
])("does not take %j for one", (text) => expect(isFilePath(text)).toBe(false));
