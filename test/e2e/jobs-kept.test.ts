import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { JobFailure, JobView } from "../../src/jobs/job.ts";
import { processTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";

/** Jobs over a restart of the server, whatever ended it. */

const test = processTest
  .extend("sinks", ({ server }) => (name = "") => {
    return `${server.url}/plugins/sinks${name && `/${name}`}`;
  })
  .extend("jobs", ({ server }) => async (query = ""): Promise<JobView[]> => {
    return JSON.parse((await send(`${server.url}/jobs${query}`)).text);
  });

describe("after the server was stopped or killed", () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(`${signal}: jobs that had ended are as they were, and what was printed in them`, async ({
      server,
      host,
      sinks,
      jobs,
    }) => {
      await server.start();
      const file = host.serveZip({ type: "sinks", name: "good", script: "echo printed" });
      expect((await post(sinks(), { name: "good", file }))[0]).toBe(201);
      expect((await post(sinks(), { name: "bad", file: host.url("/none.zip?password=s3cret") }))[0]).toBe(400);
      const before = await jobs();
      expect(before.map(({ state }) => state)).toEqual(["failed", "done"]);
      server.process.kill(signal);
      await server.process.exited;
      await server.start();
      expect(await jobs()).toEqual(before);
      expect(JSON.stringify(before)).not.toContain("s3cret");
      expect(await ask(`${server.url}${before[1]?.log}`)).toEqual([200, "printed\n"]);
      const [status, text] = await ask(`${server.url}/jobs/${before[0]?.id}`, { method: "DELETE" });
      expect([status, text]).toEqual([409, expect.stringContaining("the job has already ended: failed")]);
      expect((await send(`${server.url}/jobs/${before[0]?.id}/events`)).text).toMatch(/^id: -1\nevent: end\n/);
    });
  }
});

describe("a change that is cut off", () => {
  test("by a kill is interrupted, with its stage and what became of it, also at later starts", async ({
    server,
    host,
    sinks,
    jobs,
    gate,
  }) => {
    await server.start({ settings: { CHANGES__MAXCONCURRENT: "2" } });
    const held = host.holdZip({ type: "sinks", name: "downloading" });
    const file = host.serveZip({ type: "sinks", name: "scripted", script: GATED_SCRIPT });
    const requests: Promise<unknown>[] = [
      send(sinks(), { method: "POST", body: { name: "downloading", file: held.url } }),
      send(sinks(), { method: "POST", body: { name: "scripted", file, shellParas: gate.args } }),
    ];
    await Promise.all([held.asked, gate.started]);
    requests.push(send(sinks("scripted"), { method: "DELETE" }));
    while ((await jobs("?state=waiting")).length === 0);
    const answers = Promise.allSettled(requests);
    server.process.kill("SIGKILL");
    expect((await answers).map(({ status }) => status)).toEqual(Array(3).fill("rejected"));
    held.release();
    for (let start = 0; start < 2; start += 1) {
      await server.start();
      const left = await jobs("?state=interrupted");
      const byName = Object.fromEntries(left.map((job) => [`${job.action} ${job.plugin?.name}`, job]));
      expect(byName).toMatchObject({
        "install downloading": {
          stage: "download",
          result: {
            status: 503,
            error: "INTERRUPTED",
            message:
              "the server ended during the install, which was undone when it started again: everything is as before; try again",
          },
        },
        "install scripted": {
          stage: "script",
          result: { message: expect.stringContaining("but for what its install.sh did to the system; try again") },
        },
        "delete scripted": {
          stage: "waiting",
          result: {
            message:
              "the server ended during the delete, so everything is as before, or it is finished: GET /plugins/sinks/scripted says which",
          },
        },
      });
      expect(await ask(sinks())).toEqual([200, "[]"]);
      server.process.kill("SIGKILL");
    }
  });

  test("when it was finished but for its leftovers is said to be finished", async ({ server, host, sinks, jobs }) => {
    await server.start();
    for (const name of ["kept", "gone"]) {
      expect((await post(sinks(), { name, file: host.serveZip({ type: "sinks", name }) }))[0]).toBe(201);
    }
    expect((await send(sinks("gone"), { method: "DELETE" })).status).toBe(200);
    const changes = (await jobs()).filter(({ action, plugin }) => action === "delete" || plugin?.name === "kept");
    server.process.kill("SIGKILL");
    await server.process.exited;
    // As a kill leaves them that comes after the journal is removed, and before its folder.
    const lines = changes.map(({ endedAt: _, result: __, ...job }) => ({ job: { ...job, state: "running" } }));
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    await writeFile(join(server.base, "plugins", ".jobs", "jobs.jsonl"), text);
    for (const { id } of changes) await mkdir(join(server.base, "plugins", ".changes", id), { recursive: true });
    await server.start();
    expect((await jobs()).map(({ action, result }) => `${action}: ${(result as JobFailure).message}`)).toEqual([
      "install: the server ended during the install, which is finished all the same",
      "delete: the server ended during the delete, which is finished all the same",
    ]);
  });

  test("at the limit of a stop is interrupted, and its client was told", async ({ server, host, sinks, jobs }) => {
    await server.start({ settings: { CHANGES__SHUTDOWNTIMEOUTSECONDS: "0.1" } });
    const held = host.holdZip({ type: "sinks", name: "held" });
    const answer = send(sinks(), { method: "POST", body: { name: "held", file: held.url } });
    await held.asked;
    server.process.kill("SIGTERM");
    const { status, headers } = await answer;
    await server.process.exited;
    held.release();
    await server.start();
    const [job] = await jobs();
    expect([status, `/jobs/${job?.id}`]).toEqual([503, headers.job]);
    expect(job).toMatchObject({ state: "interrupted", stage: "download", result: { error: "SHUTTING_DOWN" } });
  });
});

describe("where jobs can't be recorded", () => {
  const ERROR = "jobs can't be recorded: a restart of the server forgets them";

  test("changes are made all the same, and the log says so once", async ({ server, host, sinks, jobs }) => {
    await server.start();
    await rm(join(server.base, "plugins", ".jobs"), { recursive: true, force: true });
    await writeFile(join(server.base, "plugins", ".jobs"), "in the way");
    for (const name of ["a", "b"]) {
      const file = host.serveZip({ type: "sinks", name, script: "echo printed" });
      expect((await post(sinks(), { name, file }))[0]).toBe(201);
    }
    const views = await jobs();
    expect(await ask(`${server.url}${views[0]?.log}`)).toEqual([200, "printed\n"]); // from memory
    expect(server.process.log.filter(({ msg }) => msg === ERROR)).toHaveLength(1);
  });
});
