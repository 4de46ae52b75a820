import { connect } from "node:net";
import { text as textOf } from "node:stream/consumers";
import { describe, expect } from "vitest";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";
import type { TestServer } from "../support/test-server.ts";

/** `http.errors`, and what `auto` makes of the engine in front of which this server stands. */

const test = stoppedServerTest.extend("startBefore", ({ server }, { onCleanup }) => {
  const engines: EngineStandIn[] = [];
  onCleanup(async () => {
    for (const engine of engines) await engine.dispose();
  });
  return async (version: string, settings: Record<string, string> = {}) => {
    await server.start(); // makes the engine's folders
    const engine = await new EngineStandIn({ base: server.base, version }).start();
    engines.push(engine);
    await server.start({ ENGINE__URL: engine.url, ...settings });
    return engine;
  };
});

const SENTENCE = "describe sinks plugin none error: not found";
const JSON_TYPE = "application/json; charset=utf-8";
const AS_JSON = [JSON_TYPE, JSON.stringify({ error: "PLUGIN_NOT_FOUND", message: SENTENCE })];
const AS_TEXT = ["text/plain; charset=utf-8", `${SENTENCE}\n`];

async function refusal(server: TestServer, accept = "*/*") {
  const { headers, text } = await send(`${server.url}/plugins/sinks/none`, { headers: { accept } });
  return [headers["content-type"], text];
}

/** Resolves when the server has the engine's answer. */
const hasAsked = (server: TestServer, version: string) => expect.poll(() => readBaselineVersion(server)).toBe(version);

async function readBaselineVersion({ base }: TestServer): Promise<string | undefined> {
  const { readFile } = await import("node:fs/promises");
  const json = await readFile(`${base}/plugins/.engine/baseline.json`, "utf8").catch(() => "{}");
  return JSON.parse(json).engine?.version;
}

describe("auto follows the engine", () => {
  test.for([
    ["1.0.2", false],
    ["1.12.3", false],
    ["1.13.0", true],
    ["v1.13.0-rc.1", true],
    ["2.1.0", true],
    ["10.0", true],
    ["0.14.0", false],
    ["nightly", false],
  ] as const)("%s: JSON %s", async ([version, isJson], { server, startBefore }) => {
    await startBefore(version);
    await hasAsked(server, version);
    expect(await refusal(server)).toEqual(isJson ? AS_JSON : AS_TEXT);
    expect(await refusal(server, "application/json")).toEqual(AS_JSON);
  });

  test("an error does not ask the engine, and needs none that runs", async ({ server, startBefore }) => {
    const engine = await startBefore("2.1.0");
    await hasAsked(server, "2.1.0");
    const asked = (path: string) => engine.asked.filter((one) => one.path === path).length;
    await expect.poll(() => [asked("/"), asked("/plugins/portables")]).toEqual([2, 1]); // what the start asks is over
    const before = engine.asked.length;
    for (let i = 0; i < 20; i += 1) await refusal(server);
    expect(engine.asked.length).toBe(before);
    await engine.stop();
    expect(await refusal(server)).toEqual(AS_JSON);
    await server.start({ ENGINE__URL: engine.url }); // as it was seen last, by an earlier process of ours
    expect(await refusal(server)).toEqual(AS_JSON);
  });

  test("405 has its message then, and so has what is no request", async ({ server, startBefore }) => {
    await startBefore("2.1.0");
    await hasAsked(server, "2.1.0");
    const { status, text } = await send(`${server.url}/plugins/sinks/none`, { method: "PATCH" });
    expect([status, JSON.parse(text).error]).toEqual([405, "METHOD_NOT_ALLOWED"]);
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.end("no request\r\n\r\n");
    const reply = await textOf(socket);
    expect(reply).toContain(`Content-Type: ${JSON_TYPE}`);
    const body = reply.slice(reply.indexOf("\r\n\r\n") + 4);
    expect(JSON.parse(body)).toEqual({ error: "REQUEST_INVALID", message: "this is not a valid HTTP request" });
    expect(reply).toContain(`Content-Length: ${body.length}\r\n`);
  });
});

describe("whatever the client and the engine", () => {
  test("text", async ({ server, startBefore }) => {
    await startBefore("2.1.0", { HTTP__ERRORS: "text" });
    expect(await refusal(server, "application/json")).toEqual(AS_TEXT);
  });

  test("json, also without an engine", async ({ server }) => {
    await server.start({ HTTP__ERRORS: "json" });
    expect(await refusal(server)).toEqual(AS_JSON);
  });
});
