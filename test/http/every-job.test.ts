import { describe, expect } from "vitest";
import type { JobView } from "../../src/jobs/job.ts";
import { follow } from "../support/event-client.ts";
import { serverTest } from "../support/fixtures.ts";
import { type Answer, ask, post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";

/** Changes whose clients wait for them, or wanted to. */

const test = serverTest({ CHANGES__MAXCONCURRENT: "2" })
  .extend("at", ({ server }) => (name = "", type = "sinks") => {
    return `${server.url}/plugins/${type}${name && `/${name}`}`;
  })
  .extend("jobs", ({ server }) => async (query = ""): Promise<JobView[]> => {
    return JSON.parse((await send(`${server.url}/jobs${query}`)).text);
  })
  .extend("jobOf", ({ server }) => async ({ headers }: Pick<Answer, "headers">): Promise<JobView> => {
    return JSON.parse((await send(`${server.url}${headers.job}`)).text);
  })
  .extend("endOf", ({ server }) => async (id: string): Promise<JobView> => {
    const events = await (await follow(`${server.url}/jobs/${id}/events`)).rest();
    return JSON.parse(events.at(-1)?.data ?? "null");
  });

describe("a reply names its job", () => {
  test("of each kind of change, done or failed", async ({ at, host, jobs, jobOf }) => {
    const type = "functions";
    const file = host.serveZip({ type, name: "image" });
    const next = host.serve("/next.zip", pluginZip({ type, name: "image", version: "2.0.0" }));
    const changes: [action: string, method: string, url: string, body?: object][] = [
      ["install", "POST", at("", type), { name: "image", file }],
      ["update", "PUT", at("image", type), { file: next }],
      ["rollback", "POST", `${at("image", type)}/rollback`],
      ["register", "POST", `${at("image", type)}/register`, { functions: ["a", "b"] }],
      ["delete", "DELETE", at("image", type)],
    ];
    for (const status of ["done", "failed"]) {
      for (const [action, method, url, body] of changes) {
        const answer = await send(url, { method, ...(body && { body }) });
        expect([action, answer.status < 300]).toEqual([action, status === "done"]);
        const job = await jobOf(answer);
        expect(job).toMatchObject({ action, state: status, plugin: { type, name: "image" } });
        expect(job.result?.status).toBe(answer.status);
      }
      // Now each is refused: the name is marked as deleted, and nothing is installed.
    }
    expect((await jobs()).map(({ action }) => action)).toEqual(
      [...changes, ...changes].map(([action]) => action).reverse(),
    );
  });

  test("but not where the request itself was refused", async ({ at, jobs }) => {
    for (const body of ["{", { name: 1 }, { name: "a/b", file: "http://127.0.0.1/a.zip" }, { name: "x", file: "x" }]) {
      const { status, headers } = await send(at(), { method: "POST", body });
      expect([status, headers.job]).toEqual([400, undefined]);
    }
    expect(await jobs()).toEqual([]);
  });
});

describe("a client that hangs up", () => {
  test("in a download finds its install there, with bytes and percent", async ({ at, host, jobs, endOf }) => {
    const held = host.holdZip({ type: "sinks", name: "left" });
    const gone = new AbortController();
    const request = send(at(), { method: "POST", body: { name: "left", file: held.url }, signal: gone.signal });
    await held.asked;
    gone.abort();
    await expect(request).rejects.toThrow();
    let [job] = await jobs("?state=running");
    while (job?.bytes === 0) [job] = await jobs("?state=running");
    expect(job).toMatchObject({ action: "install", stage: "download", totalBytes: expect.any(Number) });
    expect(job?.percent).toBeGreaterThan(0);
    held.release();
    expect(await endOf(job?.id ?? "")).toMatchObject({ state: "done", result: { status: 201 } });
    expect(await ask(at())).toEqual([200, '["left"]']);
  });

  test("in an install.sh, and one that waits for its turn behind it", async ({ at, host, jobs, endOf, gate }) => {
    const file = host.serveZip({ type: "sinks", name: "scripted", script: GATED_SCRIPT });
    const gone = new AbortController();
    const body = { name: "scripted", file, shellParas: gate.args };
    const requests = [send(at(), { method: "POST", body, signal: gone.signal })];
    await gate.started;
    requests.push(send(at("scripted"), { method: "DELETE", signal: gone.signal }));
    while ((await jobs("?state=waiting")).length === 0);
    gone.abort();
    for (const request of requests) await expect(request).rejects.toThrow();
    const [remove, install] = await jobs();
    expect([remove, install]).toMatchObject([
      { action: "delete", state: "waiting", stage: "waiting" },
      { action: "install", state: "running", stage: "script" },
    ]);
    gate.release();
    expect([await endOf(install?.id ?? ""), await endOf(remove?.id ?? "")]).toMatchObject([
      { result: { status: 201 } },
      { result: { status: 200 } },
    ]);
  });
});

describe("a second install of a name that is being installed", () => {
  test("is refused at once, names the job of the first, and is no job", async ({ at, host, jobs }) => {
    const held = host.holdZip({ type: "sinks", name: "twice" });
    const first = post(at(), { name: "twice", file: held.url });
    await held.asked;
    const [job] = await jobs();
    for (const headers of [{}, { prefer: "respond-async" }]) {
      const {
        status,
        headers: given,
        text,
      } = await send(at(), {
        method: "POST",
        body: { name: "twice", file: held.url },
        headers: { accept: "application/json", ...headers },
      });
      const reason = `invalid name twice: duplicate (it is being installed, see /jobs/${job?.id})`;
      expect([status, JSON.parse(text), given.job]).toEqual([
        400,
        { error: "NAME_TAKEN", message: `sinks plugins create command error: ${reason}` },
        undefined,
      ]);
    }
    expect(await jobs()).toHaveLength(1);
    held.release();
    expect((await first)[0]).toBe(201);
    expect(host.requests).toHaveLength(1);
  });

  test("that waits in the queue, too; another type of that name is another plugin", async ({
    server,
    at,
    host,
    jobs,
  }) => {
    await server.start({ CHANGES__MAXCONCURRENT: "1" });
    const held = host.holdZip({ type: "sinks", name: "first" });
    const running = [post(at(), { name: "first", file: held.url })];
    await held.asked;
    const file = host.serveZip({ type: "sinks", name: "queued" });
    running.push(post(at(), { name: "queued", file }));
    while ((await jobs("?state=waiting")).length === 0);
    const [waiting] = await jobs("?state=waiting");
    expect(await post(at(), { name: "queued", file })).toEqual([400, expect.stringContaining(`/jobs/${waiting?.id})`)]);
    const source = host.serveZip({ type: "sources", name: "queued" });
    running.push(post(at("", "sources"), { name: "queued", file: source }));
    held.release();
    expect((await Promise.all(running)).map(([status]) => status)).toEqual([201, 201, 201]);
  });

  test("is free again after a failure and after a cancel", async ({ server, at, host, jobs }) => {
    expect((await post(at(), { name: "again", file: host.url("/none.zip") }))[0]).toBe(400);
    const held = host.holdZip({ type: "sinks", name: "again" });
    const cancelled = post(at(), { name: "again", file: held.url });
    await held.asked;
    const [job] = await jobs();
    expect((await send(`${server.url}/jobs/${job?.id}`, { method: "DELETE" })).status).toBe(200);
    expect((await cancelled)[0]).toBe(409);
    held.release();
    expect((await post(at(), { name: "again", file: held.url }))[0]).toBe(201);
  });

  test("does not keep an update or a delete from waiting for its turn", async ({ at, host, jobs }) => {
    const held = host.holdZip({ type: "sinks", name: "busy" });
    const first = post(at(), { name: "busy", file: held.url });
    await held.asked;
    const update = send(at("busy"), {
      method: "PUT",
      body: { file: host.serveZip({ type: "sinks", name: "busy", version: "2.0.0" }) },
    });
    while ((await jobs("?state=waiting")).length === 0);
    held.release();
    expect([(await first)[0], (await update).status]).toEqual([201, 200]);
  });
});
