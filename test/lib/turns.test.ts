import { expect, test } from "vitest";
import { Turns } from "../../src/lib/turns.ts";

function createTurns() {
  const turns = new Turns();
  return async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    using _turn = await turns.enter(signal);
    return await work();
  };
}

const NEVER = new AbortController().signal;

function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test("runs one at a time, in order", async () => {
  const inTurn = createTurns();
  const { open, opened } = gate();
  const done: number[] = [];
  const work = (number: number) => async () => {
    await opened;
    done.push(number);
    return number;
  };
  const all = Promise.all([1, 2, 3].map((number) => inTurn(work(number), NEVER)));
  expect(done).toEqual([]);
  open();
  expect(await all).toEqual([1, 2, 3]);
  expect(done).toEqual([1, 2, 3]);
});

test("who waits can leave, and its work never runs", async () => {
  const inTurn = createTurns();
  const { open, opened } = gate();
  const first = inTurn(() => opened, NEVER);
  const leaving = new AbortController();
  let ran = false;
  const second = inTurn(async () => {
    ran = true;
  }, leaving.signal);
  leaving.abort(new Error("changed my mind"));
  await expect(second).rejects.toThrow("changed my mind");
  open();
  await first;
  await inTurn(async () => {}, NEVER);
  expect(ran).toBe(false);
});

test("what has begun is waited for", async () => {
  const inTurn = createTurns();
  const { open, opened } = gate();
  const leaving = new AbortController();
  const begun = gate();
  const work = inTurn(async () => {
    begun.open();
    await opened;
    return "tidied up";
  }, leaving.signal);
  await begun.opened;
  leaving.abort();
  open();
  expect(await work).toBe("tidied up");
});

test("who comes after having left is turned away", async () => {
  await expect(createTurns()(async () => {}, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
});

test("a failure is that of the work, and the next one runs", async () => {
  const inTurn = createTurns();
  await expect(inTurn(() => Promise.reject(new Error("broken")), NEVER)).rejects.toThrow("broken");
  expect(await inTurn(async () => 1, NEVER)).toBe(1);
});
