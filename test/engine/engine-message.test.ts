import { describe, expect, it } from "vitest";
import { messageOf } from "../../src/engine/engine-message.ts";

/** The engine's own words in its errors, as engines of several versions write them. */

describe("the engine's message", () => {
  for (const [body, message] of [
    ["describe sources plugin random error: not found\n", "describe sources plugin random error: not found"],
    ['{"error":1002,"message":"not \\"found\\""}\n', 'not "found"'],
    ['{"error":1000,"message":"plugin.Open("x"): no"}\n', 'plugin.Open("x"): no'],
    ['{"error":1000,"message":"', '{"error":1000,"message":"'],
    ["{", "{"],
    ["", ""],
  ] as const) {
    it(`is found in ${JSON.stringify(body)}`, () => expect(messageOf(body)).toBe(message));
  }
});
