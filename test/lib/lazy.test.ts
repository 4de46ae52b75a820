import { expect, it } from "vitest";
import { Lazy } from "../../src/lib/lazy.ts";

it("what is made once is shared, and made again after a failure", async () => {
  const answers: (() => Promise<number>)[] = [() => Promise.reject(new Error("no descriptors")), async () => 2];
  let made = 0;
  const lazy = new Lazy(async () => {
    made += 1;
    return answers.shift()?.();
  });
  expect(await lazy.made()).toBeUndefined();
  const failing = [lazy.get(), lazy.get()];
  for (const one of failing) await expect(one).rejects.toThrow("no descriptors");
  expect([await lazy.made(), made]).toEqual([undefined, 1]);
  expect(await Promise.all([lazy.get(), lazy.get(), lazy.get()])).toEqual([2, 2, 2]);
  expect([await lazy.made(), made]).toEqual([2, 2]);
});
