import { expect, it } from "vitest";
import { isFoundByEngine, isSoFileOf, parseSoFileName } from "../../src/domain/plugin.ts";

it.each([
  ["Random@v1.0.0.so", "random", "1.0.0"],
  ["random@1.0.0.so", "random", "1.0.0"],
  ["MySource@20200331.so", "mySource", "20200331"],
  ["Random.so", "random", ""],
  ["random@.so", "random", ""],
  ["random@v.so", "random", ""],
  ["random@vv1.so", "random", "v1"],
  ["random@v1@2.so", "random", "1@2"],
  ["random@v1.so.so", "random", "1.so"],
  ["v.so", "v", ""],
  ["a.b@1.so", "a.b", "1"],
  ["__proto__.so", "__proto__", ""],
])("reads %s as %s, version %j", (fileName, name, version) => {
  expect(parseSoFileName(fileName)).toEqual({ fileName, name, version });
  expect(isSoFileOf(fileName, name)).toBe(true);
});

it.each([".so", "@v1.so", "random", "random.SO", "random.so.bak", "random@v1.0.0", ""])(
  "does not take %j for a plugin's .so",
  (fileName) => expect(parseSoFileName(fileName)).toBeUndefined(),
);

it.each([
  ["Random@v1.so", "randomize"],
  ["Randomize@v1.so", "random"],
  ["RANDOM.so", "random"],
  ["random.txt", "random"],
  ["random.so", "Random"],
])("does not take %s for a .so of %s", (fileName, name) => {
  expect(isSoFileOf(fileName, name)).toBe(false);
});

it.each(["Random.so", "random.so", "Random@v1.0.0.so", "Random@v1..0.so", "random@v.so", "a.b@1.so", "B@v1.s.so"])(
  "%s is found by the engine",
  (fileName) => expect(isFoundByEngine(fileName)).toBe(true),
);

it.each(["Random@.so", "Random@v1@2.so", "Random@v1.so.so", "Random@v1.sofa.so", "R@@v1.so", "Random@v1@.so"])(
  "%s is listed by the engine and never found",
  (fileName) => expect(isFoundByEngine(fileName)).toBe(false),
);
