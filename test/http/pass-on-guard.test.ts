import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { test } from "../support/fixtures.ts";
import { fullServer } from "../support/full-server.ts";
import { ask, send } from "../support/http-client.ts";
import { bodyOf, deadUrl, RawEngine } from "../support/raw-engine.ts";
import type { TestServer } from "../support/test-server.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

/** Who may have what passed on, what is recorded of it, and what is said when it can't be. */

const echo = () =>
  RawEngine.start(async (request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-methods", "*");
    response.setHeader("vary", "Accept");
    const body = await bodyOf(request);
    response.writeHead(request.url === "/refused" ? 400 : 200).end(`${request.headers.authorization} ${body}`);
  });

const audited = (server: TestServer) =>
  server.logged
    .filter(({ msg }) => msg === "audit")
    .map(({ action, request, result, reason }) => ({
      action,
      request,
      result,
      ...(reason !== undefined && { reason }),
    }));

describe("tokens", () => {
  test("are asked for, and one for reading may only GET and HEAD", async ({ startServer }) => {
    await using engine = await echo();
    const server = await startServer({ ENGINE__URL: engine.url, BASIC__AUTHENTICATION: "true" });
    const pair = makeKeyPair.EdDSA();
    await writeKey(join(server.base, "etc/mgmt/dashboard.pub"), pair.publicPem);
    const full = await signToken(pair);
    const reading = await signToken(pair, { scope: "read" });
    const status = async (method: string, path: string, token: string | undefined) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return (await send(server.url + path, { method, headers })).status;
    };
    const rows = [
      ["GET", "/rules", 401, 200, 200],
      ["HEAD", "/rules", 401, 200, 200],
      ["POST", "/rules", 401, 403, 200],
      ["PUT", "/rules/1", 401, 403, 200],
      ["DELETE", "/rules/1", 401, 403, 200],
      ["PATCH", "/configs", 401, 403, 200],
      ["PROPFIND", "/rules", 401, 403, 200],
      ["GET", "/stop", 401, 403, 200],
      ["GET", "/%73top", 401, 403, 200],
      ["GET", "/rules/%ff", 401, 200, 200],
      ["POST", "/rules/%ff", 401, 403, 200],
    ] as const;
    for (const [method, path, none, read, write] of rows) {
      const statuses = [
        await status(method, path, undefined),
        await status(method, path, reading),
        await status(method, path, full),
      ];
      expect([method, path, ...statuses]).toEqual([method, path, none, read, write]);
    }
    expect(engine.requests).toHaveLength(rows.flatMap((row) => row.slice(2)).filter((one) => one === 200).length);
    const { text } = await send(`${server.url}/rules`, { headers: { authorization: `Bearer ${full}` } });
    expect(text).toBe(`Bearer ${full} `);
  });
});

describe("web pages", () => {
  const ORIGIN = "https://dashboard.example";
  const page = (origin: string) => ({ origin, "sec-fetch-site": "cross-site" });

  test("of other sites may write nothing, nor end the engine, nor read what is passed back", async ({
    startServer,
  }) => {
    await using engine = await echo();
    const server = await startServer({ ENGINE__URL: engine.url });
    for (const [method, path] of [
      ["POST", "/rules"],
      ["DELETE", "/streams/a"],
      ["GET", "/stop"],
    ] as const) {
      expect((await send(server.url + path, { method, headers: page("https://evil.example") })).status).toBe(403);
    }
    expect(engine.requests).toEqual([]);
    const { status, headers } = await send(`${server.url}/rules`, { headers: page("https://evil.example") });
    expect(status).toBe(200);
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
    // A program that sends no Origin gets all that the engine sends.
    expect((await send(`${server.url}/rules`)).headers["access-control-allow-origin"]).toBe("*");
  });

  test("that are listed may do all of it", async ({ startServer }) => {
    await using engine = await echo();
    const server = await startServer({ ENGINE__URL: engine.url, HTTP__ALLOWEDORIGINS: ORIGIN });
    const { status, headers, text } = await send(`${server.url}/configs`, {
      method: "PATCH",
      headers: page(ORIGIN),
      body: "{}",
    });
    expect([status, text, headers["access-control-allow-origin"]]).toEqual([200, "undefined {}", ORIGIN]);
    expect(headers.vary?.split(", ").sort()).toEqual(["Accept", "Origin"]);
    const preflight = { ...page(ORIGIN), "access-control-request-method": "PATCH" };
    const allowed = await send(`${server.url}/configs`, { method: "OPTIONS", headers: preflight });
    expect([allowed.status, allowed.headers["access-control-allow-methods"]]).toEqual([
      204,
      "GET, HEAD, POST, PUT, DELETE, PATCH",
    ]);
    // Any other OPTIONS is the engine's, also one with a body.
    const other = await send(`${server.url}/configs`, { method: "OPTIONS", body: "body" });
    expect([other.status, other.text]).toEqual([200, "undefined body"]);
  });
});

describe("the audit", () => {
  test("has a line for each write that is passed on, or was not, and none for a read", async ({ startServer }) => {
    await using engine = await echo();
    const server = await startServer({ ENGINE__URL: engine.url });
    await ask(`${server.url}/rules`);
    await ask(`${server.url}/rules?token=secret`, { method: "POST", body: "{}" });
    await ask(`${server.url}/refused`, { method: "DELETE" });
    await send(`${server.url}/rules`, { method: "POST", headers: { origin: "https://evil.example" } });
    await ask(`${server.url}/stop`);
    const lines = audited(server);
    expect(JSON.stringify(lines)).not.toContain("secret");
    expect(lines).toEqual([
      { action: "passOn", request: expect.stringMatching(/^POST \/rules/), result: "done" },
      { action: "passOn", request: "DELETE /refused", result: "ENGINE_REFUSED", reason: "the engine answered 400" },
      expect.objectContaining({ action: "passOn", request: "POST /rules", result: "CROSS_SITE_REFUSED" }),
      { action: "passOn", request: "GET /stop", result: "done" },
    ]);
  });
});

describe("an engine that is not there", () => {
  test("is 502, as text or JSON, with engine.url", async ({ startServer }) => {
    const url = await deadUrl();
    const server = await startServer({ ENGINE__URL: url });
    for (const method of ["GET", "POST", "DELETE"]) {
      const body = method === "GET" ? {} : { body: "x".repeat(100_000) };
      const [status, text] = await ask(`${server.url}/rules`, { method, ...body });
      expect([status, text]).toEqual([
        502,
        expect.stringContaining(`the engine at ${url} (engine.url) can't be reached`),
      ]);
    }
    const { text } = await send(`${server.url}/rules`, { headers: { accept: "application/json" } });
    expect(JSON.parse(text).error).toBe("ENGINE_UNREACHABLE");
    expect(audited(server).map(({ result }) => result)).toEqual(["ENGINE_UNREACHABLE", "ENGINE_UNREACHABLE"]);
  });

  test("or takes no connection, is 502 within the connect limit", async ({ startServer }) => {
    const url = `http://127.0.0.1:${await fullServer()}`;
    const server = await startServer({ ENGINE__URL: url, ENGINE__CONNECTTIMEOUTSECONDS: "0.2" });
    expect(await ask(`${server.url}/rules`)).toEqual([
      502,
      `the engine at ${url} (engine.url) can't be reached within 0.2 s (engine.connectTimeoutSeconds)\n`,
    ]);
  });

  test("or does not speak HTTP, is 502 too", async ({ startServer }) => {
    const other = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: mqtt\r\n\r\n";
    for (const reply of ["SSH-2.0-x\r\n", "HTTP/1.1 099 Low\r\n\r\n", other, ""]) {
      await using engine = await RawEngine.startTcp((socket) => void socket.once("data", () => socket.end(reply)));
      const server = await startServer({ ENGINE__URL: engine.url });
      const [status, text] = await ask(`${server.url}/rules`);
      expect([reply, status, text]).toEqual([reply, 502, expect.stringMatching(/^the engine.*\n$/)]);
    }
  });

  test("or is this server itself, is said, and asked once", async ({ startServer }) => {
    // A relay that is made first, since the server's port is known only when it listens.
    let target = 0;
    let relayed = 0;
    await using relay = await RawEngine.startTcp((socket) => {
      socket.once("data", (head) => {
        if (String(head).includes(" /rules ")) relayed += 1;
      });
      const onward = connect(target, "127.0.0.1").on("error", () => socket.destroy());
      socket.pipe(onward).pipe(socket);
    });
    const server = await startServer({ ENGINE__URL: relay.url });
    target = Number(new URL(server.url).port);
    const [status, text] = await ask(`${server.url}/rules`);
    expect([status, text]).toEqual([
      502,
      `${relay.url} (engine.url) leads to this server itself: set it to the engine's own address\n`,
    ]);
    expect(relayed).toBe(1);
    expect(JSON.parse((await send(`${server.url}/`)).text)).toMatchObject({ engine: "unreachable" });
  });

  test("WebSocket is refused in words", async ({ startServer }) => {
    await using engine = await echo();
    const server = await startServer({ ENGINE__URL: engine.url });
    const headers = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-key": "x" };
    const [status, text] = await ask(`${server.url}/ws`, { headers });
    expect([status, text]).toEqual([501, expect.stringContaining(engine.url)]);
    expect(engine.requests).toEqual([]);
  });
});

describe("GET /", () => {
  test("is the engine's answer, and who stands before it", async ({ startServer }) => {
    const about = { version: "2.1.0", os: "linux", arch: "arm64", upTimeSeconds: 42, cpuUsage: "1%", memoryUsed: "12" };
    await using engine = await RawEngine.start((_request, response) => void response.end(JSON.stringify(about)), {
      own: true,
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    for (const method of ["GET", "POST"]) {
      const [status, text] = await ask(`${server.url}/`, { method });
      const pluginServer = { version: "0.0.0-test", upTimeSeconds: expect.any(Number) };
      expect([status, JSON.parse(text)]).toEqual([200, { ...about, pluginServer }]);
    }
    expect((await send(`${server.url}/`, { method: "HEAD" })).status).toBe(200);
  });

  test("is our own where the engine is down, or is none, within the connect limit", async ({ startServer }) => {
    await using silent = await RawEngine.startTcp(() => {}, { own: true });
    await using list = await RawEngine.start((_request, response) => void response.end("[]"), { own: true });
    await using refusing = await RawEngine.start((_request, response) => void response.writeHead(401).end("no\n"), {
      own: true,
    });
    for (const url of [await deadUrl(), silent.url, list.url, refusing.url]) {
      const server = await startServer({ ENGINE__URL: url, ENGINE__CONNECTTIMEOUTSECONDS: "1" });
      const [status, text] = await ask(`${server.url}/`);
      expect([status, JSON.parse(text)]).toEqual([
        200,
        { version: "0.0.0-test", os: "linux", upTimeSeconds: expect.any(Number), engine: "unreachable" },
      ]);
    }
  });

  test("without engine.url it is as it was", async ({ startServer }) => {
    const server = await startServer();
    const [, text] = await ask(`${server.url}/`);
    expect(Object.keys(JSON.parse(text))).toEqual(["version", "os", "upTimeSeconds"]);
    expect((await send(`${server.url}/rules`)).status).toBe(404);
  });
});
