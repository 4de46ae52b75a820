import { randomUUID } from "node:crypto";
import { appendFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { Job, type JobResult, type JobView } from "../../src/jobs/job.ts";
import { JobRecordFile } from "../../src/jobs/job-record-file.ts";
import { Jobs } from "../../src/jobs/jobs.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";

const SUCCESS: JobResult = { status: 201, body: "sinks plugin x is created" };
const SMALL = { rewriteBytes: 4000, maxReadBytes: 100_000, maxWaitingBytes: 10_000 };

function viewOf(id: string, more: Partial<JobView> = {}): JobView {
  const plugin = { type: "sinks", name: "x" } as const;
  const createdAt = "2026-11-26T12:00:00.000Z";
  return {
    id,
    action: "install",
    plugin,
    state: "waiting",
    stage: "waiting",
    bytes: 0,
    percent: 0,
    createdAt,
    ...more,
  };
}

async function testRecord(limits = SMALL) {
  const folder = join(await tempFolder(), ".jobs");
  const file = join(folder, "jobs.jsonl");
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line).msg) });
  return { folder, file, log, logged, open: () => new JobRecordFile(file, log, limits) };
}

describe("the record of jobs", () => {
  it("has each job as it was last, in the order in which they came", async () => {
    const { open, logged } = await testRecord();
    const [first, second] = [randomUUID(), randomUUID()];
    const record = open();
    record.add({ job: viewOf(first) });
    record.add({ job: viewOf(second) });
    record.add({ id: first, stage: "download" });
    const done = viewOf(second, { state: "done", percent: 100, result: SUCCESS, log: `/jobs/${second}/log` });
    record.add({ job: done });
    record.add({ id: second, stage: "commit" }); // after its end
    const running = viewOf(first, { state: "running", stage: "download" });
    expect(await record.read()).toEqual([running, done]);
    await record.close();
    expect(await open().read()).toEqual([running, done]);
    expect(logged).toEqual([]);
  });

  it("has the whole report of a restart of the engine", async () => {
    const { open } = await testRecord();
    const record = open();
    const rules = { before: { running: 2 }, worse: [{ rule: "r", engine: null }] };
    const result: JobResult = { status: 200, body: { outcome: "kept", rules }, headers: { "x-a": "b" } };
    const job = viewOf(randomUUID(), { action: "restart", state: "done", stage: "verify", percent: 100, result });
    record.add({ job });
    expect(await record.read()).toEqual([job]);
    await record.close();
  });

  it("leaves out lines that are torn, or not ours, and goes on behind them", async () => {
    const { open, folder, file } = await testRecord();
    const [good, next] = [viewOf(randomUUID()), viewOf(randomUUID())];
    await mkdir(folder);
    const evil = { ...good, id: "../../x" };
    const lines = ["", "{", "[]", "null", JSON.stringify(good), JSON.stringify({ job: evil })];
    lines.push(JSON.stringify({ job: { ...good, state: "over" } }), JSON.stringify({ job: { ...good, secret: "s" } }));
    lines.push(`{"job":{"id":"${next.id}","action":"ins`); // of a kill
    await writeFile(file, lines.join("\n"));
    const record = open();
    record.add({ job: next });
    expect(await record.read()).toEqual([good, next]);
    await record.close();
  });

  it("has whole lines, however many are added at once", async () => {
    const { open, file } = await testRecord({ ...SMALL, maxWaitingBytes: 1_000_000 });
    const record = open();
    const ids = Array.from({ length: 500 }, () => randomUUID());
    for (const [index, id] of ids.entries()) {
      record.add({ job: viewOf(id) });
      if (index % 7 === 0) await record.written();
    }
    await record.close();
    const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
    expect(lines.map((line) => JSON.parse(line).job.id)).toEqual(ids);
  });

  it("leaves out a result that is too long, and nothing else of its job", async () => {
    const { open } = await testRecord({ ...SMALL, maxReadBytes: 1_000_000, maxWaitingBytes: 1_000_000 });
    const record = open();
    const view = viewOf(randomUUID(), { state: "done", result: { status: 200, body: "x".repeat(300_000) } });
    record.add({ job: view });
    const result = { status: 200, body: "the result was too long to be kept" };
    expect(await record.read()).toEqual([{ ...view, result }]);
    await record.close();
  });

  it.each(["a file", "a link"])("that can't be written, since %s is in its place, is logged once", async (what) => {
    const { open, folder, logged } = await testRecord();
    if (what === "a file") await writeFile(folder, "");
    else await symlink("/", folder);
    const record = open();
    for (let count = 0; count < 3; count += 1) {
      record.add({ job: viewOf(randomUUID()) });
      await record.written();
    }
    expect(logged).toEqual(["jobs can't be recorded: a restart of the server forgets them"]);
    await record.close();
  });
});

it.skipIf(!CAN_MOUNT)("a record on a full disk is written again when there is room, in whole lines", async () => {
  const { log, logged } = await testRecord();
  const { folder } = tinyDisk(5 * 4096);
  const record = new JobRecordFile(join(folder, ".jobs", "jobs.jsonl"), log, SMALL);
  const [first, last] = [viewOf(randomUUID()), viewOf(randomUUID())];
  record.add({ job: first });
  await record.written();
  await expect(writeFile(join(folder, "filler"), Buffer.alloc(1024 * 1024))).rejects.toThrow("ENOSPC");
  for (let count = 0; count < 100; count += 1) {
    record.add({ job: viewOf(randomUUID()) });
    await record.written();
  }
  expect(logged).toEqual(["jobs can't be recorded: a restart of the server forgets them"]);
  await rm(join(folder, "filler"));
  record.add({ job: last });
  const views = await record.read();
  expect([views?.at(0), views?.at(-1)]).toEqual([first, last]);
  await record.close();
});

describe("jobs over a restart", () => {
  async function testJobs(keep: number) {
    const { folder, log, logged } = await testRecord();
    const open = () => new Jobs({ limits: { keep, maxWatchers: 1 }, folder, recovered: () => undefined, log });
    const end = async (jobs: Jobs, name: string, printed = "") => {
      const job = new Job({ action: "install", plugin: { type: "sinks", name } }, async ({ progress }) => {
        if (printed !== "") progress.output(Buffer.from(printed));
        return SUCCESS;
      });
      jobs.add(job);
      await job.ended;
      return job;
    };
    const names = async (jobs: Jobs) => (await jobs.list()).map(({ subject }) => subject.plugin?.name);
    return { folder, open, end, names, logged };
  }

  it("are the last ones of all processes, and those that are older are forgotten with what they printed", async () => {
    const { open, end, names } = await testJobs(3);
    let jobs = open();
    for (const name of ["a", "b"]) await end(jobs, name, `of ${name}\n`);
    await jobs.close();
    jobs = open();
    await end(jobs, "c");
    expect(await names(jobs)).toEqual(["c", "b", "a"]);
    const oldest = (await jobs.list()).at(-1);
    if (oldest === undefined) throw new Error("there is none");
    expect(await jobs.printed(oldest)).toBe("of a\n");
    await end(jobs, "d");
    expect(await names(jobs)).toEqual(["d", "c", "b"]);
    const pages = await jobs.page({ states: ["done"], limit: 2, cursor: undefined });
    const { jobs: rest } = await jobs.page({ states: ["done"], limit: 2, cursor: pages.next });
    expect(rest.map(({ subject }) => subject.plugin?.name)).toEqual(["b"]);
    await jobs.close();
    jobs = open();
    expect(await names(jobs)).toEqual(["d", "c", "b"]);
    await expect.poll(() => jobs.printed(oldest)).toBeUndefined(); // it is removed in the background
    await jobs.close();
  });

  it("are as many when nobody asked for them until then", async () => {
    const { open, end, names } = await testJobs(2);
    let jobs = open();
    for (const name of ["a", "b"]) await end(jobs, name);
    await jobs.close();
    jobs = open();
    for (const name of ["c", "d", "e"]) await end(jobs, name);
    expect(await names(jobs)).toEqual(["e", "d"]);
    await jobs.close();
  });

  it("are read only, and said to be interrupted where they did not end", async () => {
    const { open, folder } = await testJobs(5);
    await mkdir(folder);
    const cut = viewOf(randomUUID());
    await appendFile(join(folder, "jobs.jsonl"), `${JSON.stringify({ job: cut })}\n`);
    for (const jobs of [open(), open()]) {
      const job = await jobs.find(cut.id);
      expect(job.view()).toEqual({
        ...cut,
        state: "interrupted",
        result: {
          status: 503,
          error: "INTERRUPTED",
          message:
            "the server ended during the install, so everything is as before, or it is finished: GET /plugins/sinks/x says which",
        },
      });
      await expect(jobs.cancel(cut.id)).rejects.toThrow("the job has already ended: interrupted");
      await jobs.close();
    }
  });
});

it("a record that grows is written anew, with all that is still known", async () => {
  const { open } = await testRecord();
  const record = open();
  const views = Array.from({ length: 20 }, () => viewOf(randomUUID()));
  for (const job of views) record.add({ job });
  await record.written();
  expect(record.isLong).toBe(true);
  const rewriting = record.rewrite(() => views.slice(10).map((job) => ({ job })));
  const late = viewOf(randomUUID());
  record.add({ job: late });
  await rewriting;
  expect(record.isLong).toBe(false);
  expect(await record.read()).toEqual([...views.slice(10), late]);
  record.add({ job: views[0] as JobView });
  expect(await record.read()).toHaveLength(12);
  await record.close();
});
