import { expect, test } from "vitest";
import { unregisteredFunctions } from "../../src/plugins/function-names.ts";

test("what can't be registered is not told to be missing", () => {
  const exports = ["echo", "écho", "count_2", "über", `a${"b".repeat(100)}`];
  const id = { type: "functions", name: "random" } as const;
  expect(unregisteredFunctions(id, { exports })).toEqual(["echo", "count_2"]);
  expect(unregisteredFunctions(id, { exports, functions: ["echo", "count_2"] })).toEqual([]);
});
