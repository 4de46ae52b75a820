import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, rename, rmdir, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { Job } from "../../src/jobs/job.ts";
import { JobLogs } from "../../src/jobs/job-logs.ts";
import { Jobs } from "../../src/jobs/jobs.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";

/** What somebody has put into the place of the record, or into it: the server goes on, and nothing of others is touched. */

const KEEP = 100;

async function testJobs(folder?: string) {
  folder ??= join(await tempFolder(), ".jobs");
  const log = pino({ level: "silent" });
  const jobs = new Jobs({ limits: { keep: KEEP, maxWatchers: 100 }, folder, recovered: () => undefined, log });
  onTestFinished(() => jobs.close());
  const change = async (): Promise<Job> => {
    const job = new Job({ action: "install" }, async ({ progress }) => {
      progress.output(Buffer.from("printed"));
      return { status: 201, body: "is created" };
    });
    jobs.add(job);
    await job.ended;
    return job;
  };
  return { jobs, change, folder, file: join(folder, "jobs.jsonl") };
}

const line = () => {
  const plugin = { type: "sinks", name: "x" };
  const [createdAt, result] = ["2026-11-26T12:00:00.000Z", { status: 201, body: "is created" }];
  const state = { state: "done", stage: "commit", bytes: 0, percent: 100 };
  return JSON.stringify({ job: { id: randomUUID(), action: "install", plugin, ...state, createdAt, result } });
};

describe("a record that is far too long", () => {
  it.each([
    ["jobs", line, KEEP],
    ["what is no JSON", () => `{${"x".repeat(300)}`, 0],
    ["lists", () => `{"job":${"[".repeat(300)}`, 0],
    ["other objects", () => `{"job":{"id":"${randomUUID()}"},"x":${"1".repeat(200)}}`, 0],
    ["nothing", () => "\n".repeat(500), 0],
  ])("of %s is read while others are answered", async (_, makeLine, count) => {
    const { jobs, folder, file } = await testJobs();
    await mkdir(folder);
    await writeFile(file, Array.from({ length: 20_000 }, makeLine).join("\n"));
    let [isRead, turns] = [false, 0];
    const listed = jobs.list().finally(() => {
      isRead = true;
    });
    for (; !isRead; turns += 1) await nextTurn();
    expect(await listed).toHaveLength(count);
    if (makeLine() !== "\n".repeat(500)) expect(turns).toBeGreaterThan(10);
  });

  it("is written anew by the first job that ends, for the server's user alone", async () => {
    const { jobs, change, folder, file } = await testJobs();
    await mkdir(folder);
    await writeFile(file, "");
    await chmod(file, 0o644);
    await truncate(file, 10_000_000_000);
    expect(await jobs.list()).toEqual([]);
    const { id } = await change();
    await jobs.close();
    const { size, mode } = await stat(file);
    expect([size < 10_000, mode & 0o777]).toEqual([true, 0o600]);
    const next = await testJobs(folder);
    expect((await next.jobs.list()).map((job) => job.id)).toEqual([id]);
  });
});

it("a link in the place of the folder leaves what is there alone", async () => {
  const [others, parent] = [await tempFolder(), await tempFolder()];
  const names = ["jobs.jsonl", "syslog.log", `${randomUUID()}.log`].sort();
  for (const name of names) await writeFile(join(others, name), "precious");
  await symlink(others, join(parent, ".jobs"));
  const { jobs, change } = await testJobs(join(parent, ".jobs"));
  await change();
  await jobs.list();
  await jobs.close();
  expect((await readdir(others)).sort()).toEqual(names);
});

it("a record that can't be read for a moment is read later, with what was printed in its jobs", async () => {
  const first = await testJobs();
  const { id } = await first.change();
  await first.jobs.close();
  const { jobs, folder, file } = await testJobs(first.folder);
  await rename(file, join(folder, "kept"));
  await mkdir(file);
  expect(await jobs.list()).toEqual([]);
  await rmdir(file);
  await rename(join(folder, "kept"), file);
  expect(await jobs.printed(await jobs.find(id))).toBe("printed");
});

it.skipIf(!CAN_MOUNT)("of what was printed, a full disk keeps no part", async () => {
  const folder = join(tinyDisk(2 * 4096).folder, ".jobs");
  const logs = new JobLogs(folder);
  const id = randomUUID();
  await expect(logs.write(id, "x".repeat(30_000))).rejects.toThrow("ENOSPC");
  expect(await logs.read(id)).toBeUndefined();
  expect(await readdir(folder)).toEqual([]);
});

it("other files beside the record are left alone", async () => {
  const { jobs, change, folder } = await testJobs();
  await mkdir(folder);
  const left = randomUUID(); // of a job that nobody knows
  for (const name of ["notes.log", `${left}.log`]) await writeFile(join(folder, name), "text");
  const { id } = await change();
  await jobs.list();
  await jobs.close();
  expect((await readdir(folder)).sort()).toEqual([`${id}.log`, "jobs.jsonl", "notes.log"].sort());
});

it.each(["folder", "FIFO"])("a %s in the place of the record costs the record alone", async (what) => {
  const { jobs, change, folder, file } = await testJobs();
  await mkdir(folder);
  if (what === "folder") await mkdir(file);
  else execFileSync("mkfifo", [file]);
  const { id } = await change();
  expect((await jobs.list()).map((job) => job.id)).toEqual([id]);
  expect(await jobs.printed(await jobs.find(id))).toBe("printed");
});
