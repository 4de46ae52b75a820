import { expect, it } from "vitest";
import { checkPluginName, isPluginName } from "../../src/domain/names.ts";

const RULE = "should begin with a lower-case letter and have only letters, digits and underscores (camel case)";

it.each([
  ["random", "random"],
  ["a", "a"],
  ["accumulateWordCount", "accumulateWordCount"],
  ["image_2", "image_2"],
  ["  random\t", "random"],
  ["prebuilds", "prebuilds"],
  ["constructor", "constructor"],
  ["a".repeat(100), "a".repeat(100)],
])("accepts %j", (given, name) => {
  expect(checkPluginName(given)).toBe(name);
  expect(isPluginName(name)).toBe(true);
});

it.each<[string | null | undefined, string]>([
  [undefined, "invalid name : should not be empty"],
  [null, "invalid name : should not be empty"],
  ["", "invalid name : should not be empty"],
  [" \n\t", "invalid name : should not be empty"],
  ["Random", `invalid name Random: ${RULE}, such as random`],
  ["Prebuild", `invalid name Prebuild: ${RULE}`],
  ["prebuild", "invalid name prebuild: is reserved, choose another one"],
  ["../evil", `invalid name ../evil: ${RULE}`],
  ["../..", `invalid name ../..: ${RULE}`],
  ["a.b", `invalid name a.b: ${RULE}`],
  ["a/b", `invalid name a/b: ${RULE}`],
  ["a\\b", `invalid name a\\b: ${RULE}`],
  ["a(b", `invalid name a(b: ${RULE}`],
  ["a b", `invalid name a b: ${RULE}`],
  ["a-b", `invalid name a-b: ${RULE}`],
  ["a@b", `invalid name a@b: ${RULE}`],
  ["1a", `invalid name 1a: ${RULE}`],
  ["_a", `invalid name _a: ${RULE}`],
  ["__proto__", `invalid name __proto__: ${RULE}`],
  ["größe", `invalid name größe: ${RULE}`],
  ["随机", `invalid name 随机: ${RULE}`],
  ["Élan", `invalid name Élan: ${RULE}`],
  ["a\nb", `invalid name a\\u000ab: ${RULE}`],
  ["a\0b", `invalid name a\\u0000b: ${RULE}`],
  ["a\u202eb", `invalid name a\\u202eb: ${RULE}`],
  ["a".repeat(101), `invalid name ${"a".repeat(20)}…: should have at most 100 letters, this has 101`],
  ["a".repeat(5000), `invalid name ${"a".repeat(20)}…: should have at most 100 letters, this has 5000`],
])("refuses %j", (given, message) => {
  expect(() => checkPluginName(given)).toThrow(expect.objectContaining({ code: "NAME_INVALID", message }));
  expect(isPluginName(given ?? "")).toBe(false);
});

it("cuts a long name within a pair of surrogates without sending half of it", () => {
  const name = `${"a".repeat(19)}${"😀".repeat(100)}`;
  expect(() => checkPluginName(name)).toThrow(`invalid name ${"a".repeat(19)}\\ud83d…:`);
});
