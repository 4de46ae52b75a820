import { join } from "node:path";
import { describe, expect } from "vitest";
import { Layout } from "../../src/store/layout.ts";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";
import type { TestServer } from "../support/test-server.ts";
import { inSeconds, makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

/** Tokens as the engine's own clients send them, where this server stands in front of an engine. */

const pair = makeKeyPair.RS256();
const sign = (changes: Record<string, unknown> = {}) => signToken(pair, { iss: "sample_key.pub", ...changes }, "RS256");

const test = stoppedServerTest
  .extend("standIn", async ({ server }, { onCleanup }) => {
    const standIn = new EngineStandIn({ base: server.base });
    onCleanup(() => standIn.dispose());
    return standIn;
  })
  .extend("start", ({ server, standIn }) => async (settings: Record<string, string> = {}) => {
    await writeKey(join(new Layout(server.base).keysFolder, "sample_key.pub"), pair.publicPem);
    await server.start({ BASIC__AUTHENTICATION: "true" }); // makes the engine's folders
    if (standIn.starts === 0) await standIn.start();
    return server.start({ BASIC__AUTHENTICATION: "true", ENGINE__URL: standIn.url, ...settings });
  });

const list = async (server: TestServer, authorization: string, method = "GET") =>
  (await send(`${server.url}/plugins/sinks`, { method, headers: { authorization } })).status;

describe("in front of an engine", () => {
  test("a raw token, and an issuer that is its key's file name", async ({ start }) => {
    const server = await start();
    expect(await list(server, await sign())).toBe(200);
    expect(await list(server, await sign({ iss: "sample_key" }))).toBe(200);
    expect(await list(server, `Bearer ${await sign()}`)).toBe(200);
    const reading = await sign({ scope: "read" });
    expect([await list(server, reading), await list(server, reading, "POST")]).toEqual([200, 403]);
  });

  test("what is no token, or that of somebody else, is refused", async ({ start }) => {
    const server = await start();
    const other = await signToken(makeKeyPair.RS256(), { iss: "sample_key.pub" }, "RS256");
    const unknown = await sign({ iss: "other.pub" });
    for (const header of [other, unknown, await sign({ iss: ".pub" }), "Bearer", "Basic YTpi", "a.b", "a.b.c", ""]) {
      expect([header, await list(server, header)]).toEqual([header, 401]);
    }
  });

  test("/ needs none, as at the engine, and only that", async ({ start }) => {
    const server = await start();
    const status = async (path: string, method = "GET") => (await send(server.url + path, { method })).status;
    expect([await status("/"), await status("/", "POST"), await status("/ping")]).toEqual([200, 200, 200]);
    expect([await status("/plugins"), await status("/jobs"), await status("/", "DELETE")]).not.toContain(200);
    expect(await status("/plugins")).toBe(401);
  });
});

test("without an engine a token has its scheme, an issuer its name, and / its token, as ever", async ({ start }) => {
  const server = await start({ ENGINE__URL: "" });
  expect(await list(server, await sign({ iss: "sample_key" }))).toBe(401);
  expect(await list(server, `Bearer ${await sign()}`)).toBe(401);
  expect((await send(`${server.url}/`)).status).toBe(401);
});

test("basic.requireTokenExpiry: false takes tokens that never expire, and none that have", async ({ start }) => {
  const eternal = `Bearer ${await sign({ iss: "sample_key", exp: undefined })}`;
  expect(await list(await start({ ENGINE__URL: "" }), eternal)).toBe(401);
  const server = await start({ BASIC__REQUIRETOKENEXPIRY: "false", ENGINE__URL: "" });
  expect(await list(server, eternal)).toBe(200);
  for (const exp of [inSeconds(-60), "never", null]) {
    expect([exp, await list(server, `Bearer ${await sign({ iss: "sample_key", exp })}`)]).toEqual([exp, 401]);
  }
});
