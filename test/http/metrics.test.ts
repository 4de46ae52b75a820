import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { Layout } from "../../src/store/layout.ts";
import { parseExposition, type ScrapedFigure, sampleValue } from "../support/exposition.ts";
import { type Certificate, makeCertificate } from "../support/file-server.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, post, remove, send } from "../support/http-client.ts";
import { inFrontTest } from "../support/in-front.ts";
import { receivedUntilClosed } from "../support/raw-client.ts";
import { RawEngine } from "../support/raw-engine.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

/** What the figures say, and who may read them. Their names and the table of docs/metrics.md are test/docs/metrics' matter. */

const test = stoppedServerTest
  .extend("scrape", ({ server }) => async (headers: Record<string, string> = {}) => {
    const reply = await send(`${server.url}/metrics`, { headers });
    expect([reply.status, reply.headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    return parseExposition(reply.text);
  })
  .extend(
    "sources",
    ({ server }) =>
      (name = "") =>
        `${server.url}/plugins/sources${name && `/${name}`}`,
  );

/** All that are not 0, as one line each. */
function nonZero(figures: ReadonlyMap<string, ScrapedFigure>, name: string): string[] {
  const samples = figures.get(name)?.samples ?? [];
  return samples.filter(({ value }) => value !== 0).map(({ labels, value }) => `${Object.values(labels)} ${value}`);
}

test("what was done before the first scrape is counted", async ({ server, host, sources, scrape }) => {
  await server.start({ PLUGINDOWNLOAD__MAXRETRIES: "0" });
  const script = "exit 3";
  const zips = {
    random: host.serveZip({ type: "sources", name: "random" }),
    failing: host.serveZip({ type: "sources", name: "failing", script }),
  };
  expect((await post(sources(), { name: "random", file: zips.random }))[0]).toBe(201);
  expect((await post(sources(), { name: "random", file: zips.random }))[0]).toBe(400);
  expect((await post(sources(), { name: "failing", file: zips.failing }))[0]).toBe(400);
  expect((await remove(sources("random")))[0]).toBe(200);
  expect((await ask(sources("random")))[0]).toBe(404);

  const figures = await scrape();
  expect(nonZero(figures, "kuiper_plugins_changes_total")).toEqual([
    "install,success 1",
    "install,NAME_TAKEN 1",
    "install,SCRIPT_FAILED 1",
    "delete,success 1",
  ]);
  expect(nonZero(figures, "kuiper_plugins_requests_rejected_total").sort()).toEqual([
    "NAME_TAKEN 1",
    "PLUGIN_NOT_FOUND 1",
    "SCRIPT_FAILED 1",
  ]);
  const stage = "kuiper_plugins_stage_duration_seconds_count";
  expect(sampleValue(figures, stage, { stage: "download" })).toBe(2);
  expect(sampleValue(figures, stage, { stage: "script" })).toBe(1); // also one that fails
  expect(sampleValue(figures, stage, { stage: "commit" })).toBe(2);
});

test("a stage that is gone through twice is one sample of a change", async ({ server, host, sources, scrape }) => {
  await server.start();
  const stages = async () => {
    const { samples = [] } = (await scrape()).get("kuiper_plugins_stage_duration_seconds") ?? {};
    const counts = samples.filter(({ name }) => name.endsWith("_count"));
    return Object.fromEntries(counts.map(({ labels, value }) => [labels.stage, value]));
  };
  const file = host.serveZip({ type: "sources", name: "random", script: "true" });
  // Which plugin it is tells its .so, which is unpacked for that before the zip is verified.
  expect((await post(`${server.url}/plugins/inspect`, { file }))[0]).toBe(200);
  expect(await stages()).toEqual({ download: 1, check: 1, unpack: 1, inspect: 1 });
  // It is inspected before install.sh, and after it.
  expect((await post(sources(), { name: "random", file }))[0]).toBe(201);
  expect(await stages()).toEqual({ download: 2, check: 2, unpack: 2, inspect: 2, script: 1, commit: 1 });
});

test("a histogram's buckets add up", async ({ server, host, sources, scrape }) => {
  await server.start();
  await post(sources(), { name: "random", file: host.serveZip({ type: "sources", name: "random" }) });
  const { samples = [] } = (await scrape()).get("kuiper_plugins_stage_duration_seconds") ?? {};
  const unpacked = samples.filter(({ labels }) => labels.stage === "unpack");
  const buckets = unpacked.filter(({ labels }) => labels.le !== undefined).map(({ value }) => value);
  expect(buckets).toHaveLength(14);
  expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
  expect(unpacked.at(-1)).toMatchObject({ name: expect.stringMatching(/_count$/), value: buckets.at(-1) });
});

test("bytes are counted as they were downloaded, received and unpacked", async ({ server, host, sources, scrape }) => {
  await server.start();
  const file = host.serveZip({ type: "sources", name: "random" });
  const zip = Buffer.from(await (await fetch(file)).arrayBuffer());
  await post(sources(), { name: "random", file });
  const headers = { "content-type": "application/zip" };
  expect((await ask(`${sources()}?name=other`, { method: "POST", headers, body: zip }))[0]).toBe(400);
  const { files } = JSON.parse((await ask(sources("random")))[1]);
  const unpacked = files.reduce((sum: number, one: { bytes: number }) => sum + one.bytes, 0);

  const figures = await scrape();
  expect(sampleValue(figures, "kuiper_plugins_downloaded_bytes_total")).toBe(zip.length);
  expect(sampleValue(figures, "kuiper_plugins_received_bytes_total")).toBe(zip.length);
  expect(sampleValue(figures, "kuiper_plugins_unpacked_bytes_total")).toBe(unpacked);
});

test("installed plugins are counted at once after each change", async ({ server, host, sources, scrape }) => {
  await server.start();
  const installed = async (verdict: string) =>
    sampleValue(await scrape(), "kuiper_plugins_installed", { type: "sources", verdict, engine: "not-asked" });
  expect(await installed("unknown")).toBe(0);
  await post(sources(), { name: "random", file: host.serveZip({ type: "sources", name: "random" }) });
  expect([await installed("unknown"), await installed("incompatible")].sort()).toEqual([0, 1]);
  await remove(sources("random"));
  expect([await installed("unknown"), await installed("incompatible")]).toEqual([0, 0]);
});

test("the queue, jobs and connections are read at the scrape", async ({ server, host, sources, scrape }) => {
  await server.start({ CHANGES__MAXCONCURRENT: "1" });
  const held = host.holdZip({ type: "sources", name: "first" });
  const prefer = { prefer: "respond-async" };
  await send(sources(), { method: "POST", headers: prefer, body: { name: "first", file: held.url } });
  await held.asked;
  const second = { name: "second", file: host.serveZip({ type: "sources", name: "second" }) };
  await send(sources(), { method: "POST", headers: prefer, body: second });

  const figures = await scrape();
  const queue = (state: string) => sampleValue(figures, "kuiper_plugins_queue_changes", { state });
  expect([queue("running"), queue("waiting")]).toEqual([1, 1]);
  expect(sampleValue(figures, "kuiper_plugins_queue_held_bytes")).toBeGreaterThan(0);
  expect(nonZero(figures, "kuiper_plugins_jobs").sort()).toEqual(["running 1", "waiting 1"]);
  expect(sampleValue(figures, "kuiper_plugins_connections")).toBeGreaterThan(0);
  held.release();
});

test("bytes that are no request are counted as refused", async ({ server, scrape }) => {
  await server.start();
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write("no request at all\r\n\r\n");
  expect(await receivedUntilClosed(socket)).toMatch(/^HTTP\/1.1 400/);
  expect(sampleValue(await scrape(), "kuiper_plugins_requests_rejected_total", { code: "REQUEST_INVALID" })).toBe(1);
  expect((await send(`${server.url}/metrics`, { method: "DELETE" })).status).toBe(405);
  expect(sampleValue(await scrape(), "kuiper_plugins_requests_rejected_total", { code: "METHOD_NOT_ALLOWED" })).toBe(1);
});

test("a plugin host that fails has its name, without its password", async ({ server, host, sources, scrape }) => {
  host.serve("/kuiper-plugins/1.0.2/debian/sources/", Buffer.from('<a href="zmq_amd64.zip">x</a>'));
  const hosts = `http://joe:s3cret@127.0.0.1:1,${host.origin}`;
  await server.start({ BASIC__PLUGINHOSTS: hosts, PREBUILD__OS: "debian", PREBUILD__ARCH: "amd64" });
  expect(nonZero(await scrape(), "kuiper_plugins_host_up")).toEqual([]);
  await ask(`${sources()}/prebuild`);
  const figures = await scrape();
  const figure = (name: string, label: string) => sampleValue(figures, `kuiper_plugins_host_${name}`, { host: label });
  expect([figure("up", "http://127.0.0.1:1"), figure("failures_total", "http://127.0.0.1:1")]).toEqual([0, 1]);
  expect([figure("up", host.origin), figure("failures_total", host.origin)]).toEqual([1, 0]);
  expect(JSON.stringify([...figures])).not.toContain("s3cret");
});

test("HEAD has the headers alone", async ({ server }) => {
  await server.start();
  const { status, headers, text } = await send(`${server.url}/metrics`, { method: "HEAD" });
  expect([status, headers["content-type"], text]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8", ""]);
});

describe("with authentication", () => {
  const pair = makeKeyPair.EdDSA();

  test("a token for reading is needed", async ({ server, scrape }) => {
    await server.start({ BASIC__AUTHENTICATION: "true" });
    expect((await ask(`${server.url}/metrics`))[0]).toBe(401);
    await writeKey(join(new Layout(server.base).keysFolder, "dashboard.pub"), pair.publicPem);
    await scrape({ authorization: `Bearer ${await signToken(pair, { scope: "read" })}` });
  });

  test("metrics.public needs none, for this path alone", async ({ server, scrape }) => {
    await server.start({ BASIC__AUTHENTICATION: "true", METRICS__PUBLIC: "true" });
    const figures = await scrape();
    expect(sampleValue(figures, "kuiper_plugins_requests_rejected_total", { code: "UNAUTHENTICATED" })).toBe(0);
    expect((await ask(`${server.url}/plugins`))[0]).toBe(401);
    expect((await ask(`${server.url}/metrics`, { method: "POST" }))[0]).toBe(401);
    expect(sampleValue(await scrape(), "kuiper_plugins_requests_rejected_total", { code: "UNAUTHENTICATED" })).toBe(2);
  });
});

describe("with HTTPS", async () => {
  const certificate = await makeCertificate();

  test.skipIf(certificate === undefined)("the certificate's end is known", async ({ server }) => {
    const tls = certificate as Certificate;
    await server.start({}, tls);
    const [, text] = await ask(`${server.url}/metrics`, { ca: tls.cert });
    const expiry = sampleValue(parseExposition(text), "kuiper_plugins_certificate_expiry_timestamp_seconds");
    expect(expiry).toBeGreaterThan(Date.now() / 1000);
  });
});

describe("in front of an engine", () => {
  const front = inFrontTest("2.0.0", {
    ENGINE__RESTART: "stop",
    ENGINE__SETTLESECONDS: "0.01",
    ENGINE__RESTARTTIMEOUTSECONDS: "50",
  });

  front("its state, what waits for it and its restarts", async ({ server, engine, start, install, update }) => {
    await start();
    const random = { type: "sources", name: "random" } as const;
    const scrape = async () => parseExposition((await ask(`${server.url}/metrics`))[1]);
    const states = async () => {
      const samples = (await scrape()).get("kuiper_plugins_installed")?.samples ?? [];
      return samples.filter(({ value }) => value > 0).map(({ labels, value }) => [labels.engine, value]);
    };
    expect((await install({ ...random, version: "1.0.0" })).status).toBe(201);
    const before = await scrape();
    expect(sampleValue(before, "kuiper_plugins_engine_up")).toBe(1);
    expect(sampleValue(before, "kuiper_plugins_engine_pending_changes")).toBe(1);
    expect(await states()).toEqual([["restart-required", 1]]);

    const { headers } = await send(`${server.url}/engine/restart`, { method: "POST" });
    await send(`${server.url}${headers.location}/events`);
    const after = await scrape();
    expect(sampleValue(after, "kuiper_plugins_engine_pending_changes")).toBe(0);
    expect(sampleValue(after, "kuiper_plugins_engine_restarts_total", { outcome: "healthy" })).toBe(1);
    expect(await states()).toEqual([["loaded", 1]]);

    await engine.stop();
    expect((await update({ ...random, version: "2.0.0" })).status).toBe(200); // what was seen before does not count
    expect(sampleValue(await scrape(), "kuiper_plugins_engine_up")).toBe(0);
    expect(await states()).toEqual([["unknown", 1]]);
  });

  test("the engine's own figures stay the engine's", async ({ server, scrape }) => {
    await using engine = await RawEngine.start((_request, response) => response.end("the engine's"));
    await server.start({ ENGINE__URL: engine.url });
    await scrape();
    expect((await send(`${server.url}/metrics/dump`)).text).toBe("the engine's");
  });

  test("an engine that hangs does not keep the other figures, and those who ask meanwhile share one scrape", async ({
    server,
  }) => {
    await using engine = await RawEngine.start(() => {}, { own: true });
    await server.start({ ENGINE__URL: engine.url });
    const replies = await Promise.all(Array.from({ length: 20 }, () => ask(`${server.url}/metrics`)));
    const [text = "", ...others] = new Set(replies.map(([, one]) => one)); // the CPU time differs between two scrapes
    expect(others).toEqual([]);
    const figures = parseExposition(text);
    expect(sampleValue(figures, "kuiper_plugins_engine_up")).toBe(0);
    expect(sampleValue(figures, "kuiper_plugins_build_info")).toBe(1);
  });
});
