import { expect, test } from "vitest";
import { createListingCache } from "../../src/catalogue/listing-cache.ts";

/** A cache of texts with a clock of its own; a text that ends in `…` is incomplete. */
function setUp(seconds: number) {
  let milliseconds = 0;
  let loads = 0;
  const cache = createListingCache<string, string>({
    seconds,
    isComplete: (value) => !value.endsWith("…"),
    now: () => milliseconds,
  });
  return {
    get: (value: string | Error, key = "key") =>
      cache.get(key, async () => {
        loads++;
        if (value instanceof Error) throw value;
        return value;
      }),
    cache,
    loads: () => loads,
    pass: (seconds: number) => {
      milliseconds += seconds * 1000;
    },
  };
}

test("a value is kept for its time and no longer", async () => {
  const { get, pass } = setUp(60);
  expect(await get("a")).toBe("a");
  pass(59.9);
  expect(await get("b")).toBe("a");
  pass(0.1);
  expect(await get("b")).toBe("b");
});

test("the time begins when the value is there", async () => {
  const { cache, get, pass } = setUp(60);
  let answer = (_value: string) => {};
  const slow = cache.get("key", () => new Promise((resolve) => (answer = resolve)));
  pass(120);
  const shared = get("b");
  answer("a");
  expect(await Promise.all([slow, shared])).toEqual(["a", "a"]);
  pass(59);
  expect(await get("b")).toBe("a");
});

test("keys are apart", async () => {
  const { get } = setUp(60);
  expect([await get("a", "x"), await get("b", "y"), await get("c", "x")]).toEqual(["a", "b", "a"]);
});

test("what is incomplete or failed is kept for five seconds at most", async () => {
  const { get, pass } = setUp(60);
  expect(await get("half…")).toBe("half…");
  pass(4.9);
  expect(await get("whole")).toBe("half…");
  pass(0.1);
  await expect(get(new Error("dead"))).rejects.toThrow("dead");
  pass(4.9);
  await expect(get("whole")).rejects.toThrow("dead");
  pass(0.1);
  expect(await get("whole")).toBe("whole");
});

test("a short time holds for failures too", async () => {
  const { get, pass } = setUp(1);
  await expect(get(new Error("dead"))).rejects.toThrow("dead");
  pass(1);
  expect(await get("a")).toBe("a");
});

test("with 0 nothing is kept, and what is under way is still shared", async () => {
  const { get, loads } = setUp(0);
  expect(await Promise.all([get("a"), get("b")])).toEqual(["a", "a"]);
  expect(await get("c")).toBe("c");
  await expect(get(new Error("dead"))).rejects.toThrow("dead");
  expect(await get("d")).toBe("d");
  expect(loads()).toBe(4);
});
