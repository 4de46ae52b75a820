import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Deadline, LinkedSignal } from "../../src/lib/signals.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const late = new Error("late");
const stopped = new Error("stopped");
const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

describe("a linked signal", () => {
  it("follows its parent", () => {
    const parent = new AbortController();
    using linked = new LinkedSignal(parent.signal);
    expect(linked.signal.aborted).toBe(false);
    parent.abort(stopped);
    expect(linked.signal.reason).toBe(stopped);
  });

  it("follows a parent that was aborted before", () => {
    using linked = new LinkedSignal(AbortSignal.abort(stopped));
    expect(linked.signal.reason).toBe(stopped);
  });

  it("is aborted on its own, and its parent is not", () => {
    const parent = new AbortController();
    using linked = new LinkedSignal(parent.signal);
    linked.abort(late);
    expect([linked.signal.reason, parent.signal.aborted]).toEqual([late, false]);
  });

  it("leaves nothing on its parent", () => {
    const parent = new AbortController();
    {
      using _linked = new LinkedSignal(parent.signal);
      expect(listeners(parent.signal)).toBe(1);
    }
    expect(listeners(parent.signal)).toBe(0);
  });
});

describe("a deadline", () => {
  it("is aborted when its time is over, and follows its parent until then", () => {
    const parent = new AbortController();
    using deadline = new Deadline(parent.signal, 1000, () => late);
    using other = new Deadline(parent.signal, 2000, () => late);
    vi.advanceTimersByTime(999);
    expect(deadline.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(deadline.signal.reason).toBe(late);
    parent.abort(stopped);
    expect(other.signal.reason).toBe(stopped);
  });

  it("has its whole time again after a restart, and none of it passes in a pause", () => {
    using deadline = new Deadline(new AbortController().signal, 1000, () => late);
    vi.advanceTimersByTime(999);
    deadline.restart();
    vi.advanceTimersByTime(999);
    deadline.pause();
    vi.advanceTimersByTime(10_000);
    deadline.restart();
    vi.advanceTimersByTime(999);
    expect(deadline.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(deadline.signal.reason).toBe(late);
  });

  it("has the same time again while there is no reason", () => {
    let reason: Error | undefined;
    using deadline = new Deadline(new AbortController().signal, 1000, () => reason);
    vi.advanceTimersByTime(3500);
    expect(deadline.signal.aborted).toBe(false);
    reason = late;
    vi.advanceTimersByTime(500);
    expect(deadline.signal.reason).toBe(late);
  });

  it("leaves neither a listener nor a timer behind, whatever is called afterwards", () => {
    const parent = new AbortController();
    const deadline = new Deadline(parent.signal, 1000, () => late);
    deadline[Symbol.dispose]();
    deadline.restart();
    expect([listeners(parent.signal), vi.getTimerCount()]).toEqual([0, 0]);
  });
});

describe("work with a deadline", () => {
  async function limited<T>(parent: AbortSignal, work: () => Promise<T>): Promise<T> {
    using _deadline = new Deadline(parent, 1000, () => late);
    return await work();
  }

  it.each(["ends", "fails"])("leaves nothing behind when the work %s", async (how) => {
    const parent = new AbortController();
    const work = how === "ends" ? Promise.resolve("done") : Promise.reject(stopped);
    const [outcome] = await Promise.allSettled([limited(parent.signal, () => work)]);
    expect(outcome).toMatchObject(how === "ends" ? { value: "done" } : { reason: stopped });
    expect([listeners(parent.signal), vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("does not begin the work when its parent was aborted before", async () => {
    const work = vi.fn();
    await expect(limited(AbortSignal.abort(stopped), work)).rejects.toBe(stopped);
    expect(work).not.toHaveBeenCalled();
  });
});
