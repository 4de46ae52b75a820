import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import type { JobView } from "../../src/jobs/job.ts";
import { Layout } from "../../src/store/layout.ts";
import { follow, type StreamEvent } from "../support/event-client.ts";
import { serverTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { type Answer, ask, post, send } from "../support/http-client.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";
import type { ZipHost } from "../support/zip-host.ts";

const test = serverTest()
  .extend("at", ({ server }) => (name = "") => {
    return `${server.url}/plugins/sinks${name && `/${name}`}`;
  })
  .extend("order", ({ at }) => (body: object, headers: Record<string, string> = ASYNC) => {
    return send(at(), { method: "POST", headers, body });
  })
  .extend("jobUrl", ({ server }) => (answer: Answer) => {
    return server.url + answer.headers.location;
  })
  .extend("jobs", ({ server }) => async (query = ""): Promise<JobView[]> => {
    return JSON.parse((await send(`${server.url}/jobs${query}`)).text);
  })
  /** Orders an install that is to be a job, and follows it to its end. */
  .extend("orderAndEnd", ({ order, jobUrl }) => async (body: object): Promise<JobView> => {
    const answer = await order(body);
    expect([answer.status, answer.text]).toEqual([202, expect.any(String)]);
    return viewIn((await (await follow(`${jobUrl(answer)}/events`)).rest()).at(-1));
  })
  /** An install that has begun and whose download goes on until the test lets it. */
  .extend("startHeld", ({ host, order, jobUrl }) => async (name: string) => {
    const held = host.holdZip({ type: "sinks", name });
    const answer = await order({ name, file: held.url });
    await held.asked;
    return { ...held, job: jobUrl(answer) };
  });

const ASYNC = { prefer: "respond-async" };
const UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

const jobOf = async (url: string): Promise<JobView> => JSON.parse((await send(url)).text);

const cancel = (url: string) => send(url, { method: "DELETE" });
const viewIn = (event: StreamEvent | undefined): JobView => JSON.parse(event?.data ?? "null");

describe("an install whose client would rather not wait", () => {
  test("is answered with the job to follow, and goes through its stages", async ({ host, order, server, jobs, at }) => {
    const held = host.holdZip({ type: "sinks", name: "slow", script: "exit 0" });
    const { status, headers, text } = await order({ name: "slow", file: held.url });
    const view: JobView = JSON.parse(text);
    expect([status, headers["preference-applied"], headers["content-type"]]).toEqual([
      202,
      "respond-async",
      "application/json; charset=utf-8",
    ]);
    expect(headers.location).toMatch(new RegExp(`^/jobs/${UUID}$`));
    expect(headers.location).toBe(`/jobs/${view.id}`);
    const job = { id: view.id, action: "install", plugin: { type: "sinks", name: "slow" } };
    expect(view).toMatchObject(job);

    const url = server.url + headers.location;
    const events = await follow(`${url}/events`);
    await held.asked;
    const first = viewIn(await events.next());
    expect(["waiting", "running"]).toContain(first.state);
    held.release();
    const told = await events.rest();
    expect(told.map(({ event }) => event)).toEqual([...told.slice(1).map(() => "progress"), "end"]);
    const views = [first, ...told.map(viewIn)];
    const stages = [...new Set(views.map(({ stage }) => stage))].filter((stage) => stage !== "waiting");
    expect(stages).toEqual(expect.arrayContaining(["download", "check", "unpack", "script", "commit"]));
    const percents = views.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.indexOf(100)).toBe(percents.length - 1);

    const end = await jobOf(url);
    expect(views.at(-1)).toEqual(end);
    expect(end).toMatchObject({ ...job, state: "done", stage: "commit", percent: 100 });
    expect(end.result).toMatchObject({ status: 201, body: "sinks plugin slow is created" });
    expect(await jobs()).toEqual([end]);
    expect(await ask(at())).toEqual([200, '["slow"]']);
    expect(server.logged.find(({ job: id }) => id === view.id)).toMatchObject({
      msg: "job started",
      action: "install",
    });
  });

  test("can see how much of the download is there", async ({ startHeld }) => {
    const held = await startHeld("measured");
    const events = await follow(`${held.job}/events`);
    let view = viewIn(await events.next());
    while (view.bytes === 0) view = viewIn(await events.next());
    expect(view).toMatchObject({ state: "running", stage: "download", totalBytes: expect.any(Number) });
    expect(view.bytes).toBeLessThan(view.totalBytes ?? 0);
    expect(view.percent).toBeGreaterThan(0);
    held.release();
    await events.rest();
  });

  test.for<[what: string, order: (host: ZipHost) => object]>([
    ["a name that is taken", (host) => ({ name: "taken", file: host.url("/sinks/taken.zip") })],
    ["a zip that is not there", (host) => ({ name: "x", file: host.url("/none.zip") })],
    ["a zip that is none", (host) => ({ name: "x", file: host.serve("/bad.zip", Buffer.from("no zip")) })],
    [
      "a script that fails",
      (host) => ({
        name: "x",
        file: host.serveZip({ type: "sinks", name: "x", script: "echo no; exit 3" }),
      }),
    ],
  ])("has the refusal of a synchronous one as its result: %s", async ([_, make], { host, at, order, orderAndEnd }) => {
    const taken = host.serveZip({ type: "sinks", name: "taken" });
    expect((await post(at(), { name: "taken", file: taken }))[0]).toBe(201);
    const body = make(host);
    const answer = await order(body, { accept: "application/json" });
    expect(answer.status).toBe(400);
    const { state, result, percent } = await orderAndEnd(body);
    expect([state, result]).toEqual(["failed", { status: answer.status, ...JSON.parse(answer.text) }]);
    expect(percent).toBeLessThan(100);
  });

  test.for<[what: string, body: object | string]>([
    ["a body that is no JSON", "{"],
    ["a field of another kind", { name: 1 }],
    ["a name that can't be one", { name: "a/b", file: "http://127.0.0.1/a.zip" }],
    ["no address", { name: "x", file: "x" }],
  ])("is refused at once for %s, as a synchronous one, and there is no job", async ([_, body], { at, jobs }) => {
    for (const headers of [{}, { accept: "application/json" }]) {
      const [refused, sync] = [
        await send(at(), { method: "POST", headers: { ...ASYNC, ...headers }, body }),
        await send(at(), { method: "POST", headers, body }),
      ];
      expect([refused.status, refused.text]).toEqual([400, sync.text]);
      expect(refused.headers["content-type"]).toBe(sync.headers["content-type"]);
      expect(refused.headers.location).toBeUndefined();
    }
    expect(await jobs()).toEqual([]);
  });

  test("goes on when nobody follows it any more", async ({ startHeld, at, server }) => {
    const held = await startHeld("alone");
    const events = await follow(`${held.job}/events`);
    await events.next();
    events.leave();
    held.release();
    expect(viewIn((await (await follow(`${held.job}/events`)).rest()).at(-1)).state).toBe("done");
    expect(await ask(at())).toEqual([200, '["alone"]']);
    expect(server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });
});

test("without the header the reply is as ever, and names the job that it was", async ({ host, order, at, jobs }) => {
  const file = host.serveZip({ type: "sinks", name: "plain" });
  const named: unknown[] = [];
  for (const headers of [{}, { prefer: "return=minimal" }, { prefer: "wait=10" }]) {
    const answer = await order({ name: "plain", file }, headers);
    expect([answer.headers["preference-applied"], answer.headers.location]).toEqual([undefined, undefined]);
    named.unshift(answer.headers.job);
  }
  expect(await ask(at())).toEqual([200, '["plain"]']);
  const views = await jobs();
  expect(views.map(({ id }) => `/jobs/${id}`)).toEqual(named);
  expect(views.map(({ state }) => state)).toEqual(["failed", "failed", "done"]);
});

test("a delete can be a job too", async ({ host, at, jobUrl }) => {
  const file = host.serveZip({ type: "sinks", name: "doomed" });
  expect((await post(at(), { name: "doomed", file }))[0]).toBe(201);
  const answer = await send(at("doomed"), { method: "DELETE", headers: ASYNC });
  expect(answer.status).toBe(202);
  const [end] = (await (await follow(`${jobUrl(answer)}/events`)).rest()).slice(-1);
  const body = "sinks plugin doomed is deleted and Kuiper must restart for the change to take effect.";
  expect(viewIn(end)).toMatchObject({ action: "delete", state: "done", percent: 100, result: { status: 200, body } });
  expect(await ask(at())).toEqual([200, "[]"]);
});

describe("a client that would wait for some time", () => {
  test("has the answer itself when it is there by then", async ({ host, order, jobs }) => {
    const held = host.holdZip({ type: "sinks", name: "soon" });
    const answering = order({ name: "soon", file: held.url }, { prefer: "respond-async, wait=30" });
    await held.asked;
    held.release();
    const { status, text, headers } = await answering;
    expect([status, text, headers["preference-applied"]]).toEqual([
      201,
      "sinks plugin soon is created",
      "respond-async",
    ]);
    expect(await jobs()).toMatchObject([{ state: "done" }]);
  });

  test("has the refusal itself", async ({ host, order }) => {
    const body = { name: "x", file: host.url("/none.zip") };
    const plain = await order(body, {});
    const answer = await order(body, { prefer: "respond-async, wait=30" });
    expect([answer.status, answer.text]).toEqual([400, plain.text]);
  });

  test("has the job when it is not", async ({ host, order }) => {
    const held = host.holdZip({ type: "sinks", name: "late" });
    const { status, headers } = await order({ name: "late", file: held.url }, { prefer: "respond-async, wait=1" });
    expect([status, headers["preference-applied"]]).toEqual([202, "respond-async"]);
    held.release();
  });

  test("loses nothing when it goes away meanwhile", async ({ host, at, jobs, server }) => {
    const held = host.holdZip({ type: "sinks", name: "left" });
    const gone = new AbortController();
    const headers = { prefer: "respond-async, wait=30" };
    const body = { name: "left", file: held.url };
    const request = send(at(), { method: "POST", headers, body, signal: gone.signal });
    await held.asked;
    gone.abort();
    await expect(request).rejects.toMatchObject({ name: "AbortError" });
    const [job] = await jobs("?state=running");
    const events = await follow(`${server.url}/jobs/${job?.id}/events`);
    held.release();
    expect(viewIn((await events.rest()).at(-1)).state).toBe("done");
  });

  test("may say so in two lines", async ({ host, at }) => {
    const held = host.holdZip({ type: "sinks", name: "lines" });
    const request = http.request(at(), { method: "POST", agent: false, headers: { prefer: ["x", "respond-async"] } });
    request.end(JSON.stringify({ name: "lines", file: held.url }));
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    expect(response.statusCode).toBe(202);
    response.resume();
    held.release();
  });
});

describe("cancelling", () => {
  const CANCELLED = { state: "cancelled", result: { status: 409, error: "CANCELLED" } };

  test("a download leaves nothing, and lets go of the host", async ({ server, startHeld, host, at }) => {
    const before = await snapshot(server.base);
    const held = await startHeld("unwanted");
    const events = await follow(`${held.job}/events`);
    const { status, text } = await cancel(held.job);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject(CANCELLED);
    expect(JSON.parse(text).result.message).toMatch(
      /^sinks plugins create command error: .*the install was cancelled$/,
    );
    expect(await jobOf(held.job)).toEqual(JSON.parse(text));
    expect(viewIn((await events.rest()).at(-1))).toEqual(JSON.parse(text));
    expect(await snapshot(server.base)).toEqual(before);
    await host.idle();

    held.release();
    const file = host.serveZip({ type: "sinks", name: "unwanted" });
    expect(await post(at(), { name: "unwanted", file })).toEqual([201, "sinks plugin unwanted is created"]);
  });

  test("one that waits for its turn is at once, and the one before it goes on", async ({
    server,
    startHeld,
    host,
    order,
    jobUrl,
    at,
  }) => {
    await server.start({ CHANGES__MAXCONCURRENT: "1", CHANGES__MAXQUEUED: "1" });
    const held = await startHeld("first");
    const file = host.serveZip({ type: "sinks", name: "second" });
    const waiting = await order({ name: "second", file });
    expect((await jobOf(jobUrl(waiting))).state).toBe("waiting");
    expect((await order({ name: "third", file })).status).toBe(503);
    const { text } = await cancel(jobUrl(waiting));
    expect(JSON.parse(text)).toMatchObject({ ...CANCELLED, stage: "waiting", percent: 0 });
    expect(JSON.parse(text).startedAt).toBeUndefined();
    expect(host.requests.map(({ path }) => path)).toEqual(["/sinks/first.zip"]);
    const again = await order({ name: "second", file });
    expect(again.status).toBe(202);
    held.release();
    expect(viewIn((await (await follow(`${jobUrl(again)}/events`)).rest()).at(-1)).state).toBe("done");
    expect(await ask(at())).toEqual([200, '["first","second"]']);
  });

  test("one in its install.sh ends all that the script started", async ({ server, host, order, gate, jobUrl, at }) => {
    const before = await snapshot(server.base);
    const script = `sleep 300 & (sleep 300; :) & ${GATED_SCRIPT}`;
    const file = host.serveZip({ type: "sinks", name: "scripted", json: "{}", script });
    const answer = await order({ name: "scripted", file, shellParas: gate.args });
    await gate.started;
    expect(await jobOf(jobUrl(answer))).toMatchObject({ state: "running", stage: "script" });
    expect(processesBelow(server.base).length).toBeGreaterThanOrEqual(3);
    const { text } = await cancel(jobUrl(answer));
    expect(JSON.parse(text)).toMatchObject({ ...CANCELLED, stage: "script" });
    expect(await snapshot(server.base)).toEqual(before);
    while (processesBelow(server.base).length > 0) await delay(5);
    expect(await ask(at())).toEqual([200, "[]"]);
  });

  test("twice at once is the same as once", async ({ startHeld }) => {
    const held = await startHeld("twice");
    const answers = await Promise.all([cancel(held.job), cancel(held.job)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, expect.toBeOneOf([200, 409])]);
    held.release();
  });

  test("what has ended is refused", async ({ host, orderAndEnd, server, at }) => {
    const file = host.serveZip({ type: "sinks", name: "done" });
    const { id } = await orderAndEnd({ name: "done", file });
    expect(await ask(`${server.url}/jobs/${id}`, { method: "DELETE" })).toEqual([
      409,
      `cancel job ${id} error: the job has already ended: done\n`,
    ]);
    expect((await jobOf(`${server.url}/jobs/${id}`)).state).toBe("done");
    expect(await ask(at())).toEqual([200, '["done"]']);
  });
});

test("an unknown job is 404", async ({ server }) => {
  for (const [method, path, verb] of [
    ["GET", "", "describe"],
    ["GET", "/events", "describe"],
    ["DELETE", "", "cancel"],
  ] as const) {
    const url = `${server.url}/jobs/none${path}`;
    expect(await ask(url, { method })).toEqual([404, `${verb} job none error: not found\n`]);
    const { text } = await send(url, { method, headers: { accept: "application/json" } });
    expect(JSON.parse(text)).toEqual({ error: "JOB_NOT_FOUND", message: `${verb} job none error: not found` });
  }
  expect((await send(`${server.url}/jobs/none/events`, { method: "HEAD" })).status).toBe(404);
  expect((await ask(`${server.url}/jobs`, { method: "POST" }))[0]).toBe(405);
});

describe("the list of jobs", () => {
  test("has the latest first, of one state or several", async ({ orderAndEnd, host, startHeld, jobs, server }) => {
    const done = await orderAndEnd({ name: "done", file: host.serveZip({ type: "sinks", name: "done" }) });
    const failed = await orderAndEnd({ name: "failed", file: host.url("/none.zip") });
    const held = await startHeld("held");
    const running = await jobOf(held.job);
    const ids = async (query: string) => (await jobs(query)).map(({ id }) => id);
    expect(await ids("")).toEqual([running.id, failed.id, done.id]);
    expect(await ids("?state=failed")).toEqual([failed.id]);
    expect(await ids("?state=done&state=running")).toEqual([running.id, done.id]);
    expect(await ids("?state=cancelled")).toEqual([]);
    const [status, text] = await ask(`${server.url}/jobs?state=over`);
    expect([status, text]).toEqual([
      400,
      'there is no state "over"; there are waiting, running, done, failed, cancelled, interrupted\n',
    ]);
    held.release();
  });

  test("comes in pages, each with a link to the next", async ({ orderAndEnd, host, server }) => {
    const ended = [];
    for (const name of ["a", "b", "c", "d", "e"])
      ended.unshift(await orderAndEnd({ name, file: host.url("/none.zip") }));
    const pages: string[][] = [];
    let path: string | undefined = "/jobs?limit=2&state=failed";
    while (path !== undefined) {
      const { status, text, headers } = await send(server.url + path);
      expect(status).toBe(200);
      pages.push(JSON.parse(text).map(({ id }: JobView) => id));
      const link: string | undefined = headers.link?.toString();
      path = link && (/^<(.*)>; rel="next"$/.exec(link)?.[1] ?? "no next");
    }
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(ended.map(({ id }) => id));
    expect((await send(`${server.url}/jobs`)).headers.link).toBeUndefined();
  });

  test("is refused with another limit or cursor", async ({ server }) => {
    const limit = "parameter limit should be a number from 1 to 1000\n";
    const cursor = "parameter cursor should be the one of a Link header\n";
    for (const query of ["limit=0", "limit=1001", "limit=", "limit=x", "limit=1&limit=2", `limit=${"1".repeat(9000)}`])
      expect(await ask(`${server.url}/jobs?${query}`)).toEqual([400, limit]);
    for (const query of ["cursor=", "cursor=-1", "cursor=1&cursor=2", "cursor=9e9"])
      expect(await ask(`${server.url}/jobs?${query}`)).toEqual([400, cursor]);
    expect(await ask(`${server.url}/jobs?limit=1000&cursor=7`)).toEqual([200, "[]"]);
  });

  test("stays small when each failed job had a megabyte of arguments", async ({ orderAndEnd, host, server, at }) => {
    const file = host.serveZip({ type: "sinks", name: "x" });
    const args = "\u202e".repeat(40_000); // three bytes each
    const { result } = await orderAndEnd({ name: "x", file, shellParas: [args, args] });
    expect(result).toMatchObject({ error: "SCRIPT_ABSENT", message: expect.stringContaining("…] but no install.sh") });
    const name = "n".repeat(10_000);
    await send(at(name), { method: "DELETE", headers: ASYNC });
    expect((await send(`${server.url}/jobs`)).text.length).toBeLessThan(8000);
  });

  test("forgets the oldest that ended, and none that goes on", async ({
    server,
    startHeld,
    host,
    orderAndEnd,
    jobs,
  }) => {
    await server.start({ JOBS__KEEP: "2" });
    const held = await startHeld("held");
    const file = host.url("/none.zip");
    const ended = [];
    for (const name of ["a", "b", "c"]) ended.push(await orderAndEnd({ name, file }));
    expect((await jobs()).map(({ plugin }) => plugin?.name)).toEqual(["c", "b", "held"]);
    expect((await send(`${server.url}/jobs/${ended[0]?.id}`)).status).toBe(404);
    held.release();
  });
});

test("a hundred at once are a hundred jobs, each with its result", async ({ server, orderAndEnd, host, at }) => {
  await server.start({ JOBS__MAXWATCHERS: "100" });
  const names = Array.from({ length: 100 }, (_, index) => `plugin${String(index).padStart(2, "0")}`);
  const views = await Promise.all(
    names.map((name) => orderAndEnd({ name, file: host.serveZip({ type: "sinks", name }) })),
  );
  expect(views.map(({ state, result }) => [state, result])).toEqual(
    names.map((name) => ["done", expect.objectContaining({ status: 201, body: `sinks plugin ${name} is created` })]),
  );
  expect(new Set(views.map(({ id }) => id)).size).toBe(100);
  expect(await ask(at())).toEqual([200, JSON.stringify(names)]);
});

test("what the queue has no place for is refused at once, with Retry-After, and pushes no job out", async ({
  server,
  orderAndEnd,
  host,
  startHeld,
  order,
  jobs,
}) => {
  await server.start({ CHANGES__MAXCONCURRENT: "1", CHANGES__MAXQUEUED: "0", JOBS__KEEP: "1" });
  const kept = await orderAndEnd({ name: "kept", file: host.url("/none.zip") });
  const held = await startHeld("held");
  for (let count = 0; count < 5; count += 1) {
    const { status, headers, text } = await order({ name: `late${count}`, file: held.url });
    expect([status, headers["retry-after"], text]).toEqual([
      503,
      "5",
      "sinks plugins create command error: too many plugins are being changed at the moment; try again later\n",
    ]);
  }
  expect((await jobs()).map(({ id }) => id)).toEqual([(await jobOf(held.job)).id, kept.id]);
  held.release();
});

describe("the events of a job", () => {
  test("are a stream that proxies pass on as it comes", async ({ startHeld }) => {
    const held = await startHeld("headers");
    const { status, headers, leave } = await follow(`${held.job}/events`);
    const expected = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };
    expect([status, headers]).toEqual([200, expect.objectContaining(expected)]);
    leave();
    const head = await send(`${held.job}/events`, { method: "HEAD" });
    expect([head.status, head.headers, head.text]).toEqual([200, expect.objectContaining(expected), ""]);
    held.release();
  });

  test("of one that has ended are its end, and 204 for a browser that comes back", async ({
    orderAndEnd,
    host,
    server,
  }) => {
    const { id } = await orderAndEnd({ name: "over", file: host.serveZip({ type: "sinks", name: "over" }) });
    const url = `${server.url}/jobs/${id}/events`;
    const all = await (await follow(url)).rest();
    expect(all.map(({ event }) => event)).toEqual(["end"]);
    const again = await send(url, { headers: { "last-event-id": all[0]?.id ?? "" } });
    expect([again.status, again.text]).toEqual([204, ""]);
    expect((await send(url, { headers: { "last-event-id": "0" } })).status).toBe(200);
  });

  test("are for so many clients at once; one that goes makes room", async ({ server, startHeld }) => {
    await server.start({ JOBS__MAXWATCHERS: "2" });
    const held = await startHeld("popular");
    const url = `${held.job}/events`;
    const [first] = [await follow(url), await follow(url)];
    const refused = await send(url);
    expect([refused.status, refused.headers["retry-after"], refused.headers["content-type"]]).toEqual([
      503,
      "5",
      "text/plain; charset=utf-8",
    ]);
    expect(refused.text).toMatch(/^describe job \S+ error: too many clients follow jobs .*\(jobs\.maxWatchers\).*\n$/);
    expect((await send(url, { method: "HEAD" })).status).toBe(200);
    first?.leave();
    while ((await follow(url)).status !== 200) await delay(5);
    held.release();
  });

  test("end for a client that reads nothing until the job is over", async ({ startHeld }) => {
    const held = await startHeld("unread");
    const slow = await follow(`${held.job}/events`);
    slow.response.pause();
    const fast = await follow(`${held.job}/events`);
    held.release();
    await fast.rest();
    expect((await slow.rest()).at(-1)).toMatchObject({ event: "end", data: expect.stringContaining('"done"') });
  });
});

describe("a server that stops", () => {
  test("tells those who follow what became of the job", async ({ server, startHeld, order }) => {
    const before = await snapshot(server.base);
    const held = await startHeld("running");
    const events = await follow(`${held.job}/events`);
    await server.queue.close(1);
    const end = (await events.rest()).at(-1);
    expect(end?.event).toBe("end");
    expect(viewIn(end)).toMatchObject({ state: "interrupted", result: { status: 503, error: "SHUTTING_DOWN" } });
    expect(await snapshot(server.base)).toEqual(before);
    expect((await order({ name: "late", file: held.url })).status).toBe(503);
  });

  test("is not held up by those who follow, whether they read or not", async ({ startHeld, server }) => {
    const held = await startHeld("running");
    const [reading, paused] = [await follow(`${held.job}/events`), await follow(`${held.job}/events`)];
    paused.response.pause();
    const closed = server.app.close();
    expect((await reading.rest()).map(({ event }) => event)).not.toContain("end");
    await closed;
  });
});

describe("who may see and cancel jobs", () => {
  test("with a token to read one may follow, with one to write cancel", async ({ server, host, order, jobUrl }) => {
    await server.start({ BASIC__AUTHENTICATION: "true" });
    const pair = makeKeyPair.ES256();
    await writeKey(join(new Layout(server.base).keysFolder, "dashboard.pub"), pair.publicPem);
    const bearer = async (claims: object) => ({
      authorization: `Bearer ${await signToken(pair, { ...claims }, "ES256")}`,
    });
    const [reading, writing] = [await bearer({ scope: "read" }), await bearer({})];
    const held = host.holdZip({ type: "sinks", name: "held" });
    const body = { name: "held", file: held.url };
    expect((await order(body)).status).toBe(401);
    expect((await order(body, { ...ASYNC, ...reading })).status).toBe(403);
    const url = jobUrl(await order(body, { ...ASYNC, ...writing }));
    const status = async (method: string, path: string, headers: Record<string, string>) =>
      (await send(path, { method, headers })).status;

    const views = [`${server.url}/jobs`, url];
    for (const path of [...views, `${url}/events`]) expect(await status("GET", path, {})).toBe(401);
    for (const path of views) expect(await status("GET", path, reading)).toBe(200);
    const events = await follow(`${url}/events`, reading);
    expect(events.status).toBe(200);
    expect([await status("DELETE", url, {}), await status("DELETE", url, reading)]).toEqual([401, 403]);
    expect(await status("DELETE", url, writing)).toBe(200);
    expect((await events.rest()).at(-1)?.event).toBe("end");
    held.release();
  });

  test("a page of a listed origin may read where its job is", async ({ server }) => {
    await server.start({ HTTP__ALLOWEDORIGINS: '["https://dashboard.example"]' });
    const { headers } = await send(`${server.url}/jobs`, { headers: { origin: "https://dashboard.example" } });
    expect(headers["access-control-expose-headers"]?.split(", ")).toEqual(
      expect.arrayContaining(["Location", "Preference-Applied", "Plugin-Compatibility", "Retry-After"]),
    );
  });
});

/** Processes whose working directory is below `folder`. */
function processesBelow(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      } catch {
        return false;
      }
    });
}
