import { expect, test } from "vitest";
import { LoopTurns } from "../../src/lib/event-loop.ts";

test("others have the event loop between two works", async () => {
  const turns = new LoopTurns();
  const done: string[] = [];
  const other = () => {
    done.push("other");
    if (done.length < 20) setImmediate(other);
  };
  setImmediate(other);
  const works = ["a", "b", "c", "d"].map((name) => turns.run(() => done.push(name)));
  await Promise.all(works);
  expect(done.join(" ").replace(/( other)+/g, " other")).toMatch(/a other b other c other d/);
});

test("what a work throws is thrown, and the next one runs", async () => {
  const turns = new LoopTurns();
  const failing = turns.run(() => {
    throw new Error("no");
  });
  const next = turns.run(() => 1);
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe(1);
});
