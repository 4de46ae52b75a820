import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { mapInParallel } from "../../src/lib/in-parallel.ts";

const NUMBERS = Array.from({ length: 30 }, (_, index) => index);

/** Work that ends when the test says so. */
function gates() {
  const open = new Map<number, () => void>();
  const started: number[] = [];
  const wait = (item: number) => {
    started.push(item);
    return new Promise<void>((resolve) => open.set(item, resolve));
  };
  return { wait, started, open: (item: number) => open.get(item)?.() };
}

describe("mapInParallel", () => {
  it("begins eight in order, and one more for each that ends", async () => {
    const { wait, started, open } = gates();
    const all = mapInParallel(NUMBERS, wait);
    expect(started).toEqual(NUMBERS.slice(0, 8));
    open(5);
    await nextTurn();
    expect(started).toEqual(NUMBERS.slice(0, 9));
    while (started.length < NUMBERS.length) {
      for (const item of started) open(item);
      await nextTurn();
    }
    for (const item of started) open(item);
    await all;
    expect(started).toEqual(NUMBERS);
  });

  it("returns the results in the items' order, whichever ends first", async () => {
    const results = await mapInParallel(NUMBERS, async (item) => {
      for (let turn = item; turn < 30; turn += 5) await nextTurn();
      return item * 2;
    });
    expect(results).toEqual(NUMBERS.map((item) => item * 2));
    expect(await mapInParallel(new Set<number>(), async (item) => item)).toEqual([]);
  });

  it("throws the error of the first in order, not of the first in time", async () => {
    const { wait, started, open } = gates();
    const all = mapInParallel(NUMBERS, async (item) => {
      await wait(item);
      if (item === 2 || item === 5) throw new Error(`item ${item}`);
    });
    open(5);
    await nextTurn();
    for (const item of NUMBERS) open(item);
    await expect(all).rejects.toThrow("item 2");
    expect(started, "none is begun after a failure").toEqual(NUMBERS.slice(0, 8));
  });

  it("tells those behind a failure to end, and waits for them", async () => {
    const { wait, open } = gates();
    const ended: string[] = [];
    const all = mapInParallel(NUMBERS.slice(0, 4), async (item, stopIfFailed) => {
      await wait(item);
      if (item === 1) throw new Error("item 1");
      try {
        stopIfFailed();
        ended.push(`${item} done`);
      } catch (error) {
        ended.push(`${item} stopped`);
        throw error;
      }
    });
    let isSettled = false;
    const settled = all.catch(() => {}).then(() => (isSettled = true));
    open(1);
    await nextTurn();
    for (const item of [3, 2]) open(item);
    await nextTurn();
    expect(isSettled).toBe(false);
    open(0);
    await settled;
    await expect(all).rejects.toThrow("item 1");
    expect(ended).toEqual(["3 stopped", "2 stopped", "0 done"]);
  });
});
