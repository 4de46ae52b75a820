import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, vi } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, send } from "../support/http-client.ts";
import { type OpenRequest, openRequest } from "../support/open-request.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";

/** Clients that send zips slowly, for ever, or not to the end. */

const MiB = 1024 * 1024;
const ZIP = { "content-type": "application/zip" };
const FORM = { "content-type": "multipart/form-data; boundary=x" };
const PART = '--x\r\nContent-Disposition: form-data; name="file"; filename="random.zip"\r\n\r\n';
const field = (name: string, value: string) =>
  `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

const test = stoppedServerTest
  .extend("open", ({ server }, { onCleanup }) => {
    const opened: OpenRequest[] = [];
    onCleanup(() => {
      for (const request of opened) request.destroy();
    });
    return (path: string, headers: Record<string, string>, method?: string) => {
      const request = openRequest(server.url + path, headers, method);
      opened.push(request);
      return request;
    };
  })
  .extend("incoming", ({ server }) => async (): Promise<string[]> => {
    return readdir(join(server.base, "plugins", ".incoming")).catch(() => []);
  })
  .extend("waitForIncoming", ({ incoming }) => async (files: number): Promise<void> => {
    await vi.waitFor(async () => expect(await incoming()).toHaveLength(files), { timeout: 30_000 });
  })
  /** Resolves when the server has ended a request that began now for being slow, and so has looked at all before it. */
  .extend("slownessIsEnded", ({ open }) => async (): Promise<void> => {
    const { status, text } = await open("/plugins/sinks", { "content-length": "100" }).answer;
    expect([status, text]).toEqual([408, expect.stringContaining("http.requestTimeoutSeconds")]);
  });

describe("time", () => {
  const QUICK = { HTTP__REQUESTTIMEOUTSECONDS: "0.4" };

  test("a zip may take longer than other bodies", async ({ server, open, waitForIncoming, slownessIsEnded }) => {
    await server.start(QUICK);
    const zip = pluginZip({ type: "sinks", name: "slow" });
    const slow = open("/plugins/sinks?name=slow", { ...ZIP, "content-length": String(zip.length) });
    await slow.write(zip.subarray(0, 100));
    await waitForIncoming(1);
    await slownessIsEnded();
    slow.end(zip.subarray(100));
    expect(await slow.answer).toMatchObject({ status: 201 });
  });

  test("a form with a zip may take longer, too", async ({ server, open, waitForIncoming, slownessIsEnded }) => {
    await server.start(QUICK);
    const zip = pluginZip({ type: "sinks", name: "slow" });
    const slow = open("/plugins/sinks", FORM);
    await slow.write(Buffer.concat([Buffer.from(PART), zip.subarray(0, 100)]));
    await waitForIncoming(1);
    await slownessIsEnded();
    slow.end(Buffer.concat([zip.subarray(100), Buffer.from(`\r\n${field("name", "slow")}--x--\r\n`)]));
    expect(await slow.answer).toMatchObject({ status: 201 });
  });

  test("no zip may take longer than uploads.timeoutSeconds", async ({ server, open, incoming }) => {
    await server.start({ UPLOADS__TIMEOUTSECONDS: "0.2" });
    const body = open("/plugins/sinks?name=slow", ZIP);
    await body.write("PK\x03\x04");
    const form = open("/plugins/sinks", FORM);
    await form.write(`${PART}abc`);
    for (const { answer } of [body, form]) {
      const { status, text } = await answer;
      expect([status, text]).toEqual([408, expect.stringContaining("longer than 0.2 s (uploads.timeoutSeconds)")]);
    }
    expect(await incoming()).toEqual([]);
  });

  test("clients that say nothing do not keep the places of others", async ({ server, open, incoming }) => {
    await server.start({ UPLOADS__IDLETIMEOUTSECONDS: "0.3", UPLOADS__MAXCONCURRENT: "2" });
    const body = open("/plugins/sinks?name=silent", ZIP);
    await body.write("PK\x03\x04");
    const form = open("/plugins/sinks", FORM);
    await form.write(`${PART}abc`);
    for (const { answer } of [body, form]) {
      const { status, text } = await answer;
      expect([status, text]).toEqual([408, expect.stringContaining("for 0.3 s (uploads.idleTimeoutSeconds)")]);
    }
    const options = { method: "POST", headers: ZIP, body: pluginZip({ type: "sinks", name: "next" }) };
    expect((await ask(`${server.url}/plugins/sinks?name=next`, options))[0]).toBe(201);
    expect(await incoming()).toEqual([]);
  });

  test("what is left of a form after its zip has the time of other bodies", async ({ server, open, incoming }) => {
    await server.start({ HTTP__REQUESTTIMEOUTSECONDS: "0.4" });
    const form = open("/plugins/sinks", FORM);
    await form.write(`${PART}abc\r\n--x\r\nContent-Disposition: form-data; na`);
    expect(await form.answer).toMatchObject({ status: 408, text: expect.stringContaining("too long to arrive") });
    expect(await incoming()).toEqual([]);
  });

  test.for<[what: string, path: string, headers: Record<string, string>, begin: string, more: string]>([
    ["JSON", "/plugins/sinks", {}, "{", " "],
    ["white space", "/plugins/sinks", {}, " ", "\n"],
    ["what may become a zip", "/plugins/sinks?name=slow", ZIP, "P", ""],
    ["a form's preamble", "/plugins/sinks", FORM, "hello", "x"],
    ["the fields of a form", "/plugins/sinks", FORM, field("name", "slow"), field("a", "b")],
    ["the head of a form's file", "/plugins/sinks", FORM, PART.slice(0, 20), "x"],
    ["a form on another path", "/", FORM, PART, "x"],
    ["a zip on another path", "/ping", { ...ZIP, "transfer-encoding": "chunked" }, "PK\x03\x04", "x"],
  ])("%s has the time of other bodies", async ([_, path, headers, begin, more], { server, open, incoming }) => {
    await server.start(QUICK);
    const slow = open(path, headers, path === "/ping" ? "DELETE" : "POST");
    await slow.write(begin);
    const timer = setInterval(() => void slow.write(more), 50);
    const { status } = await slow.answer.finally(() => clearInterval(timer));
    expect(status).toBe(408);
    expect(await incoming()).toEqual([]);
  });
});

describe("a client that goes away leaves nothing", () => {
  test.for<[string, string, Record<string, string>, string]>([
    ["in a zip", "/plugins/sinks?name=gone", ZIP, "PK\x03\x04abc"],
    ["in a form's zip", "/plugins/sinks", FORM, `${field("name", "gone")}${PART}PK\x03\x04abc`],
    ["after a form's zip", "/plugins/sinks", FORM, `${field("name", "gone")}${PART}abc\r\n--x\r\n`],
    ["in an upload", "/config/uploads?name=gone", ZIP, "PK\x03\x04abc"],
  ])("%s", async ([_, path, headers, begin], { server, open, waitForIncoming }) => {
    await server.start();
    const request = open(path, headers);
    await request.write(begin);
    await waitForIncoming(1);
    request.destroy();
    await waitForIncoming(0);
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
    expect(await ask(`${server.url}/config/uploads`)).toEqual([200, "[]"]);
  });
});

test("of twenty uploads at once, uploads.maxConcurrent are received", async ({
  server,
  open,
  waitForIncoming,
  incoming,
}) => {
  await server.start({ UPLOADS__MAXCONCURRENT: "4" });
  const names = Array.from({ length: 20 }, (_, index) => `plugin${index}`);
  const requests = names.map((name) => open(`/plugins/sinks?name=${name}`, ZIP));
  const zips = names.map((name) => pluginZip({ type: "sinks", name }));
  await Promise.all(requests.map((request, index) => request.write(zips[index]?.subarray(0, 50) ?? "")));
  await vi.waitFor(() => expect(requests.filter(({ isAnswered }) => isAnswered())).toHaveLength(16), {
    timeout: 30_000,
  });
  await waitForIncoming(4);
  requests.forEach((request, index) => {
    if (!request.isAnswered()) request.end(zips[index]?.subarray(50));
  });
  const answers = await Promise.all(requests.map(({ answer }) => answer));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(4);
  const refused = answers.filter(({ status }) => status === 503);
  expect(refused).toHaveLength(16);
  for (const { headers, text } of refused) {
    expect([headers["retry-after"], text]).toEqual(["5", expect.stringContaining("uploads.maxConcurrent")]);
  }
  expect(await incoming()).toEqual([]);
});

test("the zips of installs that wait have uploads.maxTotalBytes at most", async ({ server, gate, incoming }) => {
  const gated = pluginZip({ type: "sinks", name: "gated", script: GATED_SCRIPT });
  const zipOf = (name: string) => pluginZip({ type: "sinks", name });
  const most = gated.length + zipOf("first").length + zipOf("again").length;
  await server.start({ CHANGES__MAXCONCURRENT: "1", UPLOADS__MAXBYTES: `${most}`, UPLOADS__MAXTOTALBYTES: `${most}` });
  const install = (name: string, zip = zipOf(name), query = "") =>
    send(`${server.url}/plugins/sinks?name=${name}${query}`, {
      method: "POST",
      headers: { ...ZIP, prefer: "respond-async" },
      body: zip,
    });
  const installed = async () => JSON.parse((await ask(`${server.url}/plugins/sinks`))[1]);

  expect((await install("gated", gated, gate.args.map((arg) => `&shellParas=${arg}`).join(""))).status).toBe(202);
  await gate.started;
  expect((await install("first")).status).toBe(202);
  expect((await install("again")).status).toBe(202);
  const refused = await install("other");
  expect([refused.status, refused.headers["retry-after"], refused.text]).toEqual([
    503,
    "5",
    expect.stringContaining(`uploads.maxTotalBytes (${most}) allows; try again later`),
  ]);
  expect(await incoming()).toHaveLength(2); // the first has been taken over
  gate.release();
  await vi.waitFor(async () => expect(await installed()).toEqual(["again", "first", "gated"]), { timeout: 30_000 });
  await vi.waitFor(async () => expect((await install("other")).status).toBe(202), { timeout: 30_000 });
  await vi.waitFor(async () => expect(await installed()).toContain("other"), { timeout: 30_000 });
  expect(await incoming()).toEqual([]);
});

test("an upload that is being received is told when the server closes", async ({
  server,
  open,
  waitForIncoming,
  incoming,
}) => {
  await server.start();
  const request = open("/plugins/sinks?name=late", ZIP);
  await request.write("PK\x03\x04");
  await waitForIncoming(1);
  const closed = server.app.close();
  expect(await request.answer).toMatchObject({ status: 503, text: expect.stringContaining("shutting down") });
  await closed;
  expect(await incoming()).toEqual([]);
});

describe("300 MiB", () => {
  test.for<[string, string, Record<string, string>, string, string]>([
    ["as a zip", "/plugins/sinks?name=large", ZIP, "PK\x03\x04", ""],
    ["as a form", "/plugins/sinks", FORM, field("name", "large") + PART, "\r\n--x--\r\n"],
    ["as an upload", "/config/uploads?name=large", ZIP, "", ""],
  ])("%s are never held in memory", async ([_, path, headers, begin, end], { server, open, incoming }) => {
    await server.start();
    await ask(`${server.url}/ping`);
    const before = process.memoryUsage().rss;
    let most = 0;
    const request = open(path, headers);
    await request.write(begin);
    const chunk = Buffer.alloc(MiB, "a");
    for (let sent = 0; sent < 300; sent += 1) {
      await request.write(chunk);
      most = Math.max(most, process.memoryUsage().rss);
    }
    request.end(end);
    const { status } = await request.answer;
    expect(status).toBe(path.startsWith("/config") ? 201 : 400); // it is no zip
    expect((most - before) / MiB).toBeLessThan(100); // of the client, too
    expect(await incoming()).toEqual([]);
  });
});
