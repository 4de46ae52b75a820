import { join } from "node:path";
import { describe, expect } from "vitest";
import { Layout } from "../../src/store/layout.ts";
import { sharedServerTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, send } from "../support/http-client.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

/** Who gets in where basic.authentication is on. What makes a token good is test/auth's matter. */

const LISTED = "https://dashboard.example";
const pair = makeKeyPair.ES256();

const all = { authorization: `Bearer ${await signToken(pair, {}, "ES256")}` };
const reading = { authorization: `Bearer ${await signToken(pair, { scope: "read" }, "ES256")}` };

const test = sharedServerTest({ BASIC__AUTHENTICATION: "true", HTTP__ALLOWEDORIGINS: `["${LISTED}"]` })
  .extend("before", ({ server }) => snapshot(server.base))
  .extend("order", ({ host }) => ({ name: "refused", file: host.serveZip({ type: "sinks", name: "refused" }) }));

test.beforeAll(async ({ server, host }) => {
  await writeKey(join(new Layout(server.base).keysFolder, "dashboard.pub"), pair.publicPem);
  const body = { name: "present", file: host.serveZip({ type: "sinks", name: "present" }) };
  const installed = await ask(`${server.url}/plugins/sinks`, { method: "POST", headers: all, body });
  expect(installed).toEqual([201, "sinks plugin present is created"]);
});

const REQUESTS: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/"],
  ["POST", "/"],
  ["GET", "/plugins/sinks"],
  ["HEAD", "/plugins/sinks"],
  ["POST", "/plugins/sinks"],
  ["GET", "/plugins/sinks/present"],
  ["GET", "/plugins/sinks/prebuild"],
  ["DELETE", "/plugins/sinks/present"],
  ["DELETE", "/plugins/sinks/present?restart=1"],
  ["PUT", "/plugins/sinks"],
  ["GET", "/nowhere"],
];

describe("without a token", () => {
  test.for(REQUESTS)("%s %s is 401, and nothing changes", async ([method, path], { order, server, before, host }) => {
    const body = method === "POST" ? order : undefined;
    const answer = await send(server.url + path, { method, ...(body && { body }) });
    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, 'Bearer realm="kuiper"']);
    if (method !== "HEAD")
      expect(answer.text).toMatch(/a token is needed: send it as `Authorization: Bearer <token>`\n$/);
    expect(await snapshot(server.base)).toEqual(before);
    expect(server.restarts()).toBe(0);
    expect(host.requests.map(({ path: asked }) => asked)).not.toContain("/sinks/refused.zip");
  });

  test.for(["GET", "HEAD"])("%s /ping is open", async (method, { server }) => {
    expect((await ask(`${server.url}/ping`, { method }))[0]).toBe(200);
    expect((await ask(`${server.url}/ping/`, { method, headers: { authorization: "Bearer x" } }))[0]).toBe(200);
  });

  test("a refusal is JSON for a client that asks for JSON", async ({ server }) => {
    const { status, text } = await send(`${server.url}/plugins/sinks`, { headers: { accept: "application/json" } });
    expect([status, JSON.parse(text)]).toEqual([
      401,
      { error: "UNAUTHENTICATED", message: "a token is needed: send it as `Authorization: Bearer <token>`" },
    ]);
  });

  test("a huge body is not waited for", async ({ server }) => {
    const headers = { "content-length": "99999999" };
    const { status } = await send(`${server.url}/plugins/sinks`, { method: "POST", headers });
    expect(status).toBe(401);
  });
});

describe("a token for reading", () => {
  test("reads", async ({ server }) => {
    for (const path of ["/", "/plugins/sinks", "/plugins/sinks/present"]) {
      for (const method of ["GET", "HEAD"]) {
        expect((await ask(server.url + path, { method, headers: reading }))[0]).toBe(200);
      }
    }
    expect((await ask(`${server.url}/nowhere`, { headers: reading }))[0]).toBe(404);
  });

  test("is enough for POST /, which changes nothing", async ({ server }) => {
    expect((await ask(`${server.url}/`, { method: "POST", headers: reading }))[0]).toBe(200);
  });

  test.for(REQUESTS.filter(([method, path]) => !["GET", "HEAD"].includes(method) && path !== "/"))(
    "%s %s is 403",
    async ([method, path], { order, server, before }) => {
      const body = method === "POST" ? order : undefined;
      const headers = { ...reading, accept: "application/json" };
      const { status, text } = await send(server.url + path, { method, headers, ...(body && { body }) });
      expect([status, JSON.parse(text)]).toMatchObject([403, { error: "FORBIDDEN" }]);
      expect(JSON.parse(text).message).toMatch(/the token does not allow to write/);
      expect(await snapshot(server.base)).toEqual(before);
    },
  );
});

test("a token without a scope does everything", async ({ server, host }) => {
  const url = `${server.url}/plugins/sinks`;
  const body = { name: "another", file: host.serveZip({ type: "sinks", name: "another" }) };
  expect(await ask(url, { method: "POST", headers: all, body })).toEqual([201, "sinks plugin another is created"]);
  expect((await ask(`${url}/another`, { method: "DELETE", headers: all }))[0]).toBe(200);
  expect((await ask(`${server.url}/nowhere`, { headers: all }))[0]).toBe(404);
});

describe("a page of a listed origin", () => {
  test("gets its preflight without a token", async ({ server }) => {
    const headers = {
      origin: LISTED,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    };
    const answer = await send(`${server.url}/plugins/sinks`, { method: "OPTIONS", headers });
    expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([204, LISTED]);
    expect(answer.headers["access-control-allow-headers"]).toMatch(/authorization/);
  });

  test("may read that its token is refused", async ({ server }) => {
    const { status, headers } = await send(`${server.url}/plugins/sinks`, { headers: { origin: LISTED } });
    expect([status, headers["access-control-allow-origin"]]).toEqual([401, LISTED]);
  });
});

test("a token opens nothing to the pages of other sites", async ({ server, order }) => {
  const headers = { ...all, origin: "https://evil.example" };
  expect((await ask(`${server.url}/plugins/sinks`, { method: "POST", headers, body: order }))[0]).toBe(403);
});

test("tokens are in no log line", async ({ server }) => {
  await send(`${server.url}/plugins/sinks`, { headers: { authorization: `${all.authorization}x` } });
  const secrets = [all, reading].map(({ authorization = "" }) => authorization.split(".").at(-1) ?? "");
  for (const line of server.logged) for (const secret of secrets) expect(JSON.stringify(line)).not.toContain(secret);
});
