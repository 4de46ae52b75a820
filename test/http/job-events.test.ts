import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pino } from "pino";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { JobEvents } from "../../src/http/job-events.ts";
import { Job, type JobResult, type JobRun } from "../../src/jobs/job.ts";
import { Jobs } from "../../src/jobs/jobs.ts";
import { readEvents, type StreamEvent } from "../support/event-client.ts";

const HOUR = 3_600_000;
const SUCCESS: JobResult = { status: 201, body: "is created" };

/** One job that the test drives, and the streams of those who follow it. */
function testJob({ progressMs = HOUR, heartbeatMs = HOUR } = {}) {
  const folder = join(tmpdir(), randomUUID()); // made by the first job that is added
  const limits = { keep: 10, maxWatchers: 2 };
  const jobs = new Jobs({ limits, folder, recovered: () => undefined, log: pino({ level: "silent" }) });
  let run: JobRun | undefined;
  let end: (result: JobResult) => void = () => {};
  const job = new Job({ action: "install", plugin: { type: "sinks", name: "x" } }, (given) => {
    run = given;
    return new Promise((resolve) => {
      end = resolve;
    });
  });
  if (run === undefined) throw new Error("the work did not begin at once");
  return { jobs, job, end, progress: run.progress, open: () => new JobEvents(jobs, job, { progressMs, heartbeatMs }) };
}

/** Time passes when a test lets it, until the test's end. */
function holdTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Reads a stream as a client that keeps up does. */
function client(stream: JobEvents) {
  const events = readEvents(stream.pipe(new PassThrough()));
  return {
    next: async () => shown((await events.next()).value ?? undefined),
    rest: async () => {
      const all = [];
      for await (const event of events) all.push(shown(event));
      return all;
    },
  };
}

/** What most tests are about: `progress download 5`. */
function shown(event: StreamEvent | undefined): string {
  if (event === undefined) return "";
  if (event.event === ":") return `: ${event.data}`;
  const { stage, bytes } = JSON.parse(event.data);
  return `${event.event} ${stage} ${bytes}`;
}

/** A client that takes a chunk only when it is told to. */
function slowClient(stream: JobEvents) {
  let taken = "";
  let take: (() => void) | undefined;
  const sink = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      take = () => {
        taken += chunk;
        done();
      };
    },
  });
  stream.pipe(sink);
  /** Takes all that there is now, and gives back all that was ever taken. */
  return async () => {
    for (let next = take; next !== undefined; next = take) {
      take = undefined;
      next();
      await nextTurn();
    }
    return taken;
  };
}

describe("a client that keeps up", () => {
  test("is told the state as it is, every stage, and the end with the result", async () => {
    const { job, progress, end, open } = testJob();
    progress.stage("waiting");
    const { next, rest } = client(open());
    expect(await next()).toBe("progress waiting 0");
    for (const stage of ["download", "check", "unpack", "inspect", "script", "commit"] as const) progress.stage(stage);
    end(SUCCESS);
    await job.ended;
    expect(await rest()).toEqual([
      ...["download", "check", "unpack", "inspect", "script", "commit"].map((stage) => `progress ${stage} 0`),
      "end commit 0",
    ]);
  });

  test("is told of bytes now and then, and of the last ones without anything more happening", async () => {
    holdTimers();
    const { progress, open } = testJob({ progressMs: 50 });
    progress.stage("download");
    const { next } = client(open());
    expect(await next()).toBe("progress download 0");
    await nextTurn();
    for (let bytes = 1; bytes <= 1000; bytes += 1) progress.bytes(bytes, 1000);
    vi.advanceTimersByTime(50);
    expect(await next()).toBe("progress download 1000");
  });

  test("is not told of bytes more often than that", async () => {
    const { job, progress, end, open } = testJob({ progressMs: HOUR });
    progress.stage("download");
    const { next, rest } = client(open());
    await next();
    for (let bytes = 1; bytes <= 100; bytes += 1) {
      progress.bytes(bytes, 100);
      await nextTurn();
    }
    end(SUCCESS);
    await job.ended;
    expect(await rest()).toEqual(["end download 100"]);
  });

  test("of a job that has ended is told its end alone", async () => {
    const { job, end, open } = testJob();
    end(SUCCESS);
    await job.ended;
    expect(await client(open()).rest()).toEqual(["end waiting 0"]);
  });

  test("hears now and then that the job is in progress", async () => {
    const { open } = testJob({ heartbeatMs: 5 });
    const stream = open();
    const { next } = client(stream);
    expect([await next(), await next(), await next(), await next()]).toEqual([
      "progress waiting 0",
      ...Array(3).fill(": the job is in progress"),
    ]);
    stream.destroy();
  });
});

test("each event has the whole job and an id that grows", async () => {
  const { job, progress, end, open } = testJob();
  const events = readEvents(open().pipe(new PassThrough()));
  const all: (StreamEvent | undefined)[] = [(await events.next()).value ?? undefined];
  progress.stage("download");
  end(SUCCESS);
  await job.ended;
  for await (const event of events) all.push(event);
  expect(all.map((event) => event?.event)).toEqual(["progress", "progress", "end"]);
  const ids = all.map((event) => Number(event?.id));
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  expect(ids.at(-1)).toBe(job.revision);
  expect(JSON.parse(all.at(-1)?.data ?? "")).toEqual(job.view());
});

describe("a client that reads slowly", () => {
  test("costs no memory, however long the job; it is told of the end all the same", async () => {
    const { job, progress, end, open } = testJob({ progressMs: 0 });
    const stream = open();
    const takeAll = slowClient(stream);
    await nextTurn();
    for (let round = 0; round < 2000; round += 1) {
      progress.stage(round % 2 === 0 ? "download" : "check");
      for (let bytes = 0; bytes < 10; bytes += 1) progress.bytes(bytes);
      if (round % 100 === 0) await nextTurn();
    }
    expect(stream.readableLength).toBeLessThan(20 * 1024);
    end(SUCCESS);
    await job.ended;
    const taken = await takeAll();
    expect(taken).toMatch(/\nevent: end\ndata: .*"state":"done".*\n\n$/);
    expect(taken.length).toBeLessThan(20 * 1024);
  });

  test("is told the newest state when it takes more, not those between", async () => {
    const { progress, open } = testJob({ progressMs: 0 });
    progress.stage("download");
    const stream = open();
    const takeAll = slowClient(stream);
    await nextTurn();
    for (let bytes = 1; bytes <= 1000; bytes += 1) {
      progress.bytes(bytes);
      if (bytes % 100 === 0) await nextTurn();
    }
    // One was under way, one waited behind it.
    expect((await takeAll()).match(/"bytes":\d+/g)).toEqual(['"bytes":0', '"bytes":1', '"bytes":1000']);
    stream.destroy();
  });

  test("is cut off when it takes nothing for a long time, also after the end", async () => {
    for (const ends of [false, true]) {
      const { jobs, job, end, open } = testJob({ heartbeatMs: 5 });
      const stream = open();
      const closed = once(stream, "close");
      slowClient(stream);
      await nextTurn();
      if (ends) end(SUCCESS);
      await closed;
      for (let count = 0; count < 2; count += 1) jobs.watch(job, () => {}); // its place is another's
    }
  });
});

describe("a stream that is over", () => {
  test("leaves no timer behind", async () => {
    holdTimers(); // those that it counts are this test's alone; vitest has some of its own
    const { progress, open } = testJob();
    const stream = open();
    const { next } = client(stream);
    await next();
    await nextTurn();
    progress.bytes(1); // to be told later
    expect(vi.getTimerCount()).toBe(2);
    stream.destroy();
    await once(stream, "close");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves its place to another, when the client has gone and when the job has ended", async () => {
    const { jobs, job, end, open } = testJob();
    const [gone, followed] = [open(), open()];
    expect(open).toThrow(expect.objectContaining({ code: "TOO_BUSY" }));
    gone.destroy();
    await once(gone, "close");
    const another = open();
    expect(open).toThrow(expect.objectContaining({ code: "TOO_BUSY" }));
    end(SUCCESS);
    await Promise.all([client(followed).rest(), client(another).rest()]);
    await nextTurn();
    for (let count = 0; count < 2; count += 1) jobs.watch(job, () => {});
  });

  test("is so when it is stopped: nothing more is told, not of the end either", async () => {
    const { job, progress, end, open } = testJob();
    const stream = open();
    const { next, rest } = client(stream);
    expect(await next()).toBe("progress waiting 0");
    stream.stop();
    stream.stop();
    progress.stage("download");
    end(SUCCESS);
    await job.ended;
    expect(await rest()).toEqual([]);
  });
});
