import { getEventListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ChangeQueue, type ChangeQueueOptions } from "../../../src/store/journal/queue.ts";

/** Runs `work` in its place. */
async function run<T>(
  queue: ChangeQueue,
  key: string,
  work: (signal: AbortSignal) => Promise<T>,
  caller?: AbortSignal,
) {
  using place = await queue.enter(key, caller);
  return await work(place.signal);
}

/** A queue whose works begin and end when the test says so. */
function testQueue(options: Partial<ChangeQueueOptions> = {}) {
  const queue = new ChangeQueue({ maxConcurrent: 100, maxQueued: 100, maxQueuedBytes: 1000, ...options });
  const running: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const signals = new Map<string, AbortSignal>();
  return {
    queue,
    /** What runs now, after everything that can begin or end by itself has done so. */
    running: async () => {
      await nextTurn();
      return [...running];
    },
    /** Orders a work; `id` is the key and, after a dash, what tells it from the others of that key. */
    order: (id: string, caller?: AbortSignal) => {
      const work = (signal: AbortSignal) => {
        running.push(id);
        signals.set(id, signal);
        return new Promise<string>((resolve, reject) => {
          ends.set(id, (error) => {
            running.splice(running.indexOf(id), 1);
            if (error === undefined) resolve(`result of ${id}`);
            else reject(error);
          });
        });
      };
      return run(queue, id.replace(/-.*/, ""), work, caller);
    },
    end: (id: string, error?: Error) => ends.get(id)?.(error),
    signal: (id: string) => signals.get(id),
  };
}

const refused = (code: string) => expect.objectContaining({ name: "PluginError", code });

it("gives back what the work gives, or throws what it throws", async () => {
  const { queue } = testQueue();
  await expect(run(queue, "a", async () => 1)).resolves.toBe(1);
  await expect(run(queue, "a", async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(
    run(queue, "a", () => {
      throw new Error("at once");
    }),
  ).rejects.toThrow("at once");
  await expect(run(queue, "a", async () => 2)).resolves.toBe(2);
});

it("runs the changes of one plugin one after the other, in their order, whatever becomes of them", async () => {
  const { order, end, running } = testQueue();
  const results = ["a-1", "a-2", "a-3"].map((id) => order(id));
  const settled = Promise.allSettled(results);
  expect(await running()).toEqual(["a-1"]);
  end("a-1", new Error("failed"));
  expect(await running()).toEqual(["a-2"]);
  end("a-2");
  expect(await running()).toEqual(["a-3"]);
  end("a-3");
  expect((await settled).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  await expect(results[1]).resolves.toBe("result of a-2");
});

it("runs those of different plugins side by side, up to the limit", async () => {
  const { order, end, running } = testQueue({ maxConcurrent: 2 });
  const all = Promise.all(["a", "b", "c", "d"].map((id) => order(id)));
  expect(await running()).toEqual(["a", "b"]);
  end("b");
  expect(await running()).toEqual(["a", "c"]);
  end("a");
  end("c");
  expect(await running()).toEqual(["d"]);
  end("d");
  await all;
});

it("does not let one plugin's waiting changes hold up the others", async () => {
  const { order, end, running } = testQueue({ maxConcurrent: 2 });
  const all = Promise.all(["a-1", "a-2", "a-3", "b"].map((id) => order(id)));
  expect(await running()).toEqual(["a-1", "b"]);
  for (const id of ["a-1", "b", "a-2", "a-3"]) {
    end(id);
    await running();
  }
  await all;
});

describe("a full queue refuses at once with TOO_BUSY", () => {
  it.each([
    ["different plugins", { maxConcurrent: 2, maxQueued: 1 }, ["a", "b", "c", "d"], ["d"]],
    ["one plugin", { maxConcurrent: 2, maxQueued: 1 }, ["a-1", "a-2", "a-3"], ["a-3"]],
    ["one plugin, while another has a place", { maxConcurrent: 2, maxQueued: 1 }, ["a-1", "a-2", "a-3", "b"], ["a-3"]],
    ["no queue at all", { maxConcurrent: 1, maxQueued: 0 }, ["a", "b", "a-2"], ["b", "a-2"]],
  ])("%s", async (_, options, ids, busy) => {
    const { order, end, running } = testQueue(options);
    const codes = new Map<string, unknown>();
    const all = ids.map((id) =>
      order(id).then(
        () => codes.set(id, "done"),
        (error) => codes.set(id, error.code),
      ),
    );
    await running();
    expect([...codes]).toEqual(busy.map((id) => [id, "TOO_BUSY"]));
    while ((await running()).length > 0) for (const id of await running()) end(id);
    await Promise.all(all);
    expect([...codes.values()].filter((code) => code === "done")).toHaveLength(ids.length - busy.length);
  });

  it("and takes orders again when there is room", async () => {
    const { order, end, running } = testQueue({ maxConcurrent: 1, maxQueued: 0 });
    const first = order("a");
    await expect(order("b")).rejects.toEqual(refused("TOO_BUSY"));
    end((await running())[0] ?? "");
    await first;
    const second = order("b");
    end((await running())[0] ?? "");
    await expect(second).resolves.toBe("result of b");
  });

  it("where those that wait would hold too much, and takes as much again when one has gone", async () => {
    const queue = new ChangeQueue({ maxConcurrent: 1, maxQueued: 100, maxQueuedBytes: 1000 });
    const caller = new AbortController();
    const first = await queue.enter("a", undefined, 1_000_000); // it waits for nothing
    const second = queue.enter("b", undefined, 600);
    const third = queue.enter("c", caller.signal, 400);
    await expect(queue.enter("d", undefined, 1)).rejects.toEqual(refused("TOO_BUSY"));
    caller.abort(new Error("not wanted"));
    await expect(third).rejects.toThrow("not wanted");
    await expect(queue.enter("d", undefined, 401)).rejects.toEqual(refused("TOO_BUSY"));
    const fourth = queue.enter("d", undefined, 400);
    first[Symbol.dispose]();
    const place = await second;
    const fifth = queue.enter("e", undefined, 600);
    place[Symbol.dispose]();
    (await fourth)[Symbol.dispose]();
    (await fifth)[Symbol.dispose]();
  });

  it("bounds a thousand orders that come in one turn", async () => {
    const queue = new ChangeQueue({ maxConcurrent: 4, maxQueued: 16, maxQueuedBytes: 1000 });
    const orders = Array.from({ length: 1000 }, (_, index) => run(queue, `p${index}`, () => nextTurn()));
    const results = await Promise.allSettled(orders);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(4 + 16);
  });
});

describe("close", () => {
  it("refuses what has not begun, waits for what has, and takes nothing more", async () => {
    const { queue, order, end, running } = testQueue({ maxConcurrent: 1 });
    const first = order("a-1");
    const waiting = ["a-2", "b"].map((id) => expect(order(id)).rejects.toEqual(refused("SHUTTING_DOWN")));
    await running();

    let closed = false;
    const closing = queue.close(600_000).then(() => {
      closed = true;
    });
    await expect(order("c")).rejects.toEqual(refused("SHUTTING_DOWN"));
    await Promise.all(waiting); // they need not wait to hear it
    expect(await running()).toEqual(["a-1"]);
    expect(closed).toBe(false);

    end("a-1");
    await expect(first).resolves.toBe("result of a-1");
    await closing;
  });

  it("tells work that is no change to stop at once", async () => {
    const { queue, order, end, running, signal } = testQueue();
    const change = order("a");
    const work = await queue.enter(undefined);
    await running();
    const closing = queue.close(600_000);
    expect(work.signal.reason).toEqual(refused("SHUTTING_DOWN"));
    expect(signal("a")?.aborted).toBe(false);
    work[Symbol.dispose]();
    end("a");
    await change;
    await closing;
  });

  it("is at once where nothing runs, and can be called twice", async () => {
    const { queue } = testQueue();
    await Promise.all([queue.close(600_000), queue.close(600_000)]);
  });

  it("tells what still runs after the limit to stop, and waits until it has", async () => {
    const { queue, order, end, running, signal } = testQueue();
    const result = expect(order("a")).rejects.toThrow("undone");
    await running();
    let closed = false;
    const closing = queue.close(1).then(() => {
      closed = true;
    });
    await new Promise((resolve) => signal("a")?.addEventListener("abort", resolve));
    expect(signal("a")?.reason).toEqual(refused("SHUTTING_DOWN"));
    await running();
    expect(closed).toBe(false);
    end("a", new Error("undone"));
    await result;
    await closing;
  });
});

describe("a caller that does not want its change any more", () => {
  const NO_MORE = new Error("not wanted any more");

  it("while it waits for one of its plugin: it is out at once, and the others keep their order", async () => {
    const { order, end, running } = testQueue();
    const caller = new AbortController();
    const first = order("a-1");
    const second = order("a-2", caller.signal);
    const others = ["a-3", "a-4"].map((id) => order(id));
    caller.abort(NO_MORE);
    await expect(second).rejects.toBe(NO_MORE);
    expect(await running()).toEqual(["a-1"]);
    for (const next of ["a-3", "a-4"]) {
      end((await running())[0] ?? "");
      expect(await running()).toEqual([next]);
    }
    end("a-4");
    await Promise.all([first, ...others]);
  });

  it("while it waits for a place: its place in the queue is another's at once", async () => {
    const { order, end, running } = testQueue({ maxConcurrent: 1, maxQueued: 2 });
    const caller = new AbortController();
    const first = order("a");
    const second = order("b", caller.signal);
    const third = order("c");
    await expect(order("d")).rejects.toEqual(refused("TOO_BUSY"));
    caller.abort(NO_MORE);
    await expect(second).rejects.toBe(NO_MORE);
    const fourth = order("b-2");
    await expect(order("d")).rejects.toEqual(refused("TOO_BUSY"));
    for (const [now, next] of [
      ["a", "c"],
      ["c", "b-2"],
    ] as const) {
      end(now);
      expect(await running()).toEqual([next]);
    }
    end("b-2");
    await Promise.all([first, third, fourth]);
  });

  it("thousands that come and go while nothing ends leave nothing, and bound nobody", async () => {
    const { order, end, running } = testQueue({ maxConcurrent: 1, maxQueued: 1 });
    const first = order("a");
    for (let count = 0; count < 5000; count += 1) {
      const caller = new AbortController();
      const waiting = order(count % 2 === 0 ? "a-2" : `p${count}`, caller.signal);
      caller.abort(NO_MORE);
      await expect(waiting).rejects.toBe(NO_MORE);
    }
    expect(await running()).toEqual(["a"]);
    const last = order("b");
    end("a");
    expect(await running()).toEqual(["b"]);
    end("b");
    await Promise.all([first, last]);
  });

  it("before it asks, and as its turn comes: nothing begins", async () => {
    const { order, end, running } = testQueue();
    await expect(order("a", AbortSignal.abort(NO_MORE))).rejects.toBe(NO_MORE);
    const caller = new AbortController();
    const order2 = order("a-2", caller.signal); // it has its place by now, and begins in a moment
    caller.abort(NO_MORE);
    await expect(order2).rejects.toBe(NO_MORE);
    expect(await running()).toEqual([]);
    const third = order("a-3");
    expect(await running()).toEqual(["a-3"]);
    end("a-3");
    await third;
  });

  it("while it runs: its signal fires, that of the others does not, and it ends when the work does", async () => {
    const { order, end, running, signal } = testQueue();
    const caller = new AbortController();
    const results = Promise.allSettled([order("a", caller.signal), order("b", new AbortController().signal)]);
    await running();
    caller.abort(NO_MORE);
    expect(signal("a")?.reason).toBe(NO_MORE);
    expect(signal("b")?.aborted).toBe(false);
    expect(await running()).toEqual(["a", "b"]);
    end("a", NO_MORE);
    end("b");
    expect((await results).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  });

  it("and a server that stops tells it too", async () => {
    const { queue, order, end, running, signal } = testQueue();
    const result = order("a", new AbortController().signal);
    await running();
    queue.abort();
    expect(signal("a")?.reason).toEqual(refused("SHUTTING_DOWN"));
    end("a");
    await result;
  });

  it("is not listened to for longer than the change takes", async () => {
    const { order, end, running } = testQueue();
    const caller = new AbortController();
    const results = Promise.allSettled(["a-1", "a-2", "b"].map((id) => order(id, caller.signal)));
    for (const id of ["a-1", "b", "a-2"]) {
      await running();
      end(id, id === "b" ? new Error("failed") : undefined);
    }
    await results;
    expect(getEventListeners(caller.signal, "abort")).toEqual([]);
  });
});

it("abort signals everything that runs", async () => {
  const { queue, order, end, running, signal } = testQueue();
  const all = Promise.all([order("a"), order("b")]);
  await running();
  expect(signal("a")?.aborted).toBe(false);
  queue.abort();
  for (const id of ["a", "b"]) {
    expect(signal(id)?.reason).toEqual(refused("SHUTTING_DOWN"));
    end(id);
  }
  await all;
});

it("forgets a plugin when its last change has ended, so that its place is another's", async () => {
  const { queue, order, end, running } = testQueue({ maxConcurrent: 4, maxQueued: 0 });
  await Promise.allSettled(["x", "y", "z"].map((key) => run(queue, key, () => Promise.reject(new Error("failed")))));
  const first = order("a-1");
  expect(await running()).toEqual(["a-1"]);
  await expect(order("a-2")).rejects.toEqual(refused("TOO_BUSY"));
  end("a-1");
  await first;
});

it("does not forget it before, when an earlier one ends", async () => {
  const { order, end, running } = testQueue();
  const results = ["a-1", "a-2"].map((id) => order(id));
  await running();
  end("a-1");
  await results[0];
  const third = order("a-3");
  expect(await running()).toEqual(["a-2"]);
  end("a-2");
  expect(await running()).toEqual(["a-3"]);
  end("a-3");
  await third;
});
