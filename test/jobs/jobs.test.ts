import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { JOB_STATES, type JobAction } from "../../src/domain/change.ts";
import { Job, type JobResult, type JobRun } from "../../src/jobs/job.ts";
import { Jobs } from "../../src/jobs/jobs.ts";

const SUCCESS: JobResult = { status: 201, body: "sources plugin random is created" };
const FAILURE: JobResult = { status: 400, error: "NAME_TAKEN", message: "invalid name random: duplicate" };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** Jobs whose works end when the test says so. */
function testJobs({ keep = 100, maxWatchers = 100 } = {}) {
  const folder = join(tmpdir(), randomUUID()); // made by the first job
  onTestFinished(async () => {
    await jobs.close();
    await rm(folder, { recursive: true, force: true });
  });
  const log = pino({ level: "silent" });
  const jobs = new Jobs({ limits: { keep, maxWatchers }, folder, recovered: () => undefined, log });
  return {
    jobs,
    start(name = "random", action: JobAction = "install") {
      let run: JobRun | undefined;
      let end: (result: JobResult) => void = () => {};
      let fail: (error: unknown) => void = () => {};
      const job = new Job({ action, plugin: { type: "sources", name } }, (given) => {
        run = given;
        return new Promise((resolve, reject) => {
          end = resolve;
          fail = reject;
        });
      });
      if (run === undefined) throw new Error("the work did not begin at once");
      jobs.add(job);
      return { ...run, job, end, fail };
    },
  };
}

const refused = (code: string) => expect.objectContaining({ name: "PluginError", code });

describe("a job", () => {
  it("waits, runs and is done", async () => {
    const { start } = testJobs();
    const { job, progress, end } = start();
    const plugin = { type: "sources", name: "random" };
    const fresh = { id: expect.stringMatching(UUID), action: "install", plugin, createdAt: TIME };
    expect(job.view()).toEqual({ ...fresh, state: "waiting", stage: "waiting", bytes: 0, percent: 0 });

    progress.stage("waiting");
    expect(job.state).toBe("waiting");
    progress.stage("download");
    progress.bytes(5, 10);
    const running = { ...fresh, stage: "download", bytes: 5, totalBytes: 10, startedAt: TIME };
    expect(job.view()).toEqual({ ...running, state: "running", percent: 30 });

    end(SUCCESS);
    await job.ended;
    expect(job.view()).toEqual({ ...running, state: "done", percent: 100, endedAt: TIME, result: SUCCESS });
  });

  it("that fails has not come to 100 percent, and says in which stage it was", async () => {
    const { start } = testJobs();
    const { job, progress, end } = start();
    progress.stage("commit");
    end(FAILURE);
    await job.ended;
    expect(job.view()).toMatchObject({ state: "failed", stage: "commit", percent: 98, result: FAILURE });
  });

  it.each<[string, (fail: (error: unknown) => void) => void]>([
    ["later", (fail) => fail(new Error("secret"))],
    ["with nothing", (fail) => fail(undefined)],
  ])("whose work is broken and throws %s has failed, and tells no secret", async (_, breakWith) => {
    const { start } = testJobs();
    const { job, fail } = start();
    breakWith(fail);
    await job.ended;
    const result = { status: 500, error: "INTERNAL", message: "internal error; see the server's log" };
    expect(job.view()).toMatchObject({ state: "failed", result });
  });

  it("whose work throws at once has failed too", async () => {
    const job = new Job({ action: "delete", plugin: { type: "sinks", name: "x" } }, () => {
      throw new Error("at once");
    });
    await job.ended;
    expect(job.state).toBe("failed");
  });
});

describe("the list", () => {
  it("has the latest first", async () => {
    const { jobs, start } = testJobs();
    const ids = ["a", "b", "c"].map((name) => start(name).job.id);
    expect((await jobs.list()).map(({ id }) => id)).toEqual(ids.reverse());
  });

  it("keeps the last ones that ended, in the order of their ends, and all that go on", async () => {
    const { jobs, start } = testJobs({ keep: 2 });
    const [long, ...others] = ["long", "b", "c", "d", "e"].map((name) => start(name));
    for (const { end } of [...others].reverse()) {
      end(SUCCESS);
      await nextTurn();
    }
    const names = async () => (await jobs.list()).map(({ subject }) => subject.plugin?.name);
    expect(await names()).toEqual(["c", "b", "long"]);
    long?.end(SUCCESS);
    await nextTurn();
    expect(await names()).toEqual(["b", "long"]);
    await expect(jobs.find(others[3]?.job.id ?? "")).rejects.toEqual(refused("JOB_NOT_FOUND"));
  });

  it("takes in one that has ended already", async () => {
    const { jobs, start } = testJobs({ keep: 1 });
    const job = new Job({ action: "delete", plugin: { type: "sinks", name: "x" } }, async () => FAILURE);
    await job.ended;
    jobs.add(job);
    expect(await jobs.list()).toEqual([job]);
    const { job: next, end } = start();
    end(SUCCESS);
    await nextTurn();
    expect(await jobs.list()).toEqual([next]);
  });

  it("of ten thousand jobs holds as many as it should", async () => {
    const { jobs, start } = testJobs({ keep: 50 });
    const started = Array.from({ length: 10_000 }, () => start());
    expect(await jobs.list()).toHaveLength(10_000);
    for (const { end } of started) end(SUCCESS);
    await nextTurn();
    expect(await jobs.list()).toEqual(
      started
        .slice(-50)
        .map(({ job }) => job)
        .reverse(),
    );
  });
});

describe("cancel", () => {
  it.each<JobAction>(["install", "update", "rollback", "delete"])("says so to the work of an %s", async (action) => {
    const { jobs, start } = testJobs();
    const { job, signal, end } = start("random", action);
    let cancelled: unknown;
    const cancelling = jobs.cancel(job.id).then((given) => {
      cancelled = given;
    });
    expect(signal.reason).toEqual(refused("CANCELLED"));
    expect((signal.reason as Error).message).toBe(`the ${action} was cancelled`);
    await nextTurn();
    expect([cancelled, job.state]).toEqual([undefined, "waiting"]); // until all is undone
    end({ status: 409, error: "CANCELLED", message: `the ${action} was cancelled` });
    await cancelling;
    expect(cancelled).toBe(job);
    expect(job.view()).toMatchObject({ state: "cancelled", percent: 0, endedAt: TIME });
  });

  it("can be asked for twice, and come too late", async () => {
    const { jobs, start } = testJobs();
    const { job, end } = start();
    const both = [jobs.cancel(job.id), jobs.cancel(job.id)];
    end(SUCCESS);
    expect(await Promise.all(both)).toEqual([job, job]);
    expect(job.state).toBe("done");
  });

  it("of what failed for another reason leaves it failed", async () => {
    const { jobs, start } = testJobs();
    const { job, end } = start();
    const cancelled = jobs.cancel(job.id);
    end(FAILURE);
    expect((await cancelled).state).toBe("failed");
  });

  it("of a job that has ended, or is not there, is refused", async () => {
    const { jobs, start } = testJobs();
    const { job, end, signal } = start();
    end(SUCCESS);
    await job.ended;
    await expect(jobs.cancel(job.id)).rejects.toEqual(refused("JOB_ENDED"));
    await expect(jobs.cancel(job.id)).rejects.toThrow("the job has already ended: done");
    expect(signal.aborted).toBe(false);
    await expect(jobs.cancel("nothing")).rejects.toEqual(refused("JOB_NOT_FOUND"));
  });
});

describe("watching", () => {
  it("tells of each change until it is left, and of the end last", async () => {
    const { jobs, start } = testJobs();
    const { job, progress, end } = start();
    const seen: string[] = [];
    const left: string[] = [];
    jobs.watch(job, () => seen.push(`${job.state} ${job.stage} ${job.revision}`));
    const leave = jobs.watch(job, () => left.push(job.stage));
    progress.stage("download");
    progress.bytes(1, 2);
    leave();
    progress.stage("check");
    end(SUCCESS);
    await job.ended;
    const { revision } = job;
    progress.stage("commit"); // work that reports after its end changes nothing
    expect([job.stage, job.view().stage, job.revision]).toEqual(["check", "check", revision]);
    expect(seen).toEqual(["running download 1", "running download 2", "running check 3", "done check 4"]);
    expect(left).toEqual(["download", "download"]);
  });

  it("is bounded for all jobs together; who leaves makes room once", () => {
    const { jobs, start } = testJobs({ maxWatchers: 2 });
    const [first, second] = [start().job, start().job];
    const leave = jobs.watch(first, () => {});
    jobs.watch(second, () => {});
    expect(() => jobs.watch(second, () => {})).toThrow(refused("TOO_BUSY"));
    leave();
    leave();
    jobs.watch(second, () => {});
    expect(() => jobs.watch(first, () => {})).toThrow(refused("TOO_BUSY"));
  });
});

describe("a page of jobs", () => {
  const states = JOB_STATES;

  it("begins where the one before it ended, whatever came or went meanwhile", async () => {
    const { jobs, start } = testJobs({ keep: 1 });
    const started = ["a", "b", "c", "d", "e"].map((name) => start(name));
    const first = await jobs.page({ states, limit: 2, cursor: undefined });
    expect(first.jobs.map(({ subject }) => subject.plugin?.name)).toEqual(["e", "d"]);
    start("f");
    for (const { end, job } of started.slice(3)) {
      end(SUCCESS);
      await job.ended;
    }
    const second = await jobs.page({ states, limit: 2, cursor: first.next });
    expect(second.jobs.map(({ subject }) => subject.plugin?.name)).toEqual(["c", "b"]);
    const third = await jobs.page({ states, limit: 2, cursor: second.next });
    expect([third.jobs.map(({ subject }) => subject.plugin?.name), third.next]).toEqual([["a"], undefined]);
  });

  it("counts only jobs of the states asked for", async () => {
    const { jobs, start } = testJobs();
    const started = ["a", "b", "c"].map((name) => start(name));
    started[1]?.end(SUCCESS);
    await started[1]?.job.ended;
    const { jobs: waiting, next } = await jobs.page({ states: ["waiting"], limit: 2, cursor: undefined });
    expect([waiting.map(({ subject }) => subject.plugin?.name), next]).toEqual([["c", "a"], undefined]);
    expect((await jobs.page({ states, limit: 3, cursor: undefined })).next).toBeUndefined();
    expect((await jobs.page({ states, limit: 3, cursor: 1 })).jobs).toEqual([]);
  });
});
