import { connect } from "node:net";
import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";

const test = sharedServerTest({ BASIC__PLUGINHOSTS: "" })
  /** Sends bytes and returns all that comes back until the server ends the connection. */
  .extend("rawRequest", ({ server }) => async (text: string): Promise<string> => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write(text);
    let received = "";
    for await (const chunk of socket) received += chunk;
    return received;
  });

test.beforeAll(async ({ server, host }) => {
  const file = host.serveZip({ type: "sources", name: "random" });
  expect((await post(`${server.url}/plugins/sources`, { name: "random", file }))[0]).toBe(201);
});

/** Known paths, and what is allowed there. */
const ALLOW: readonly (readonly [path: string, allow: string])[] = [
  ["/", "GET, HEAD, OPTIONS, POST"],
  ["/ping", "GET, HEAD, OPTIONS"],
  ["/plugins/sources", "GET, HEAD, OPTIONS, POST"],
  ["/plugins/sinks", "GET, HEAD, OPTIONS, POST"],
  ["/plugins/functions", "GET, HEAD, OPTIONS, POST"],
  ["/plugins/sources/random", "DELETE, GET, HEAD, OPTIONS, PUT"],
  ["/plugins/sinks/unknown", "DELETE, GET, HEAD, OPTIONS, PUT"],
  ["/plugins/functions/prebuild", "DELETE, GET, HEAD, OPTIONS, PUT"],
  ["/plugins/sources/", "GET, HEAD, OPTIONS, POST"],
  ["//plugins//sources", "GET, HEAD, OPTIONS, POST"],
  ["/plugins/sources/random/", "DELETE, GET, HEAD, OPTIONS, PUT"],
  ["/plugins/sources/random?x=1", "DELETE, GET, HEAD, OPTIONS, PUT"],
  ["/plugins/%73ources", "GET, HEAD, OPTIONS, POST"],
  ["/plugins", "GET, HEAD, OPTIONS"],
  ["/plugins/udfs", "GET, HEAD, OPTIONS"],
  ["/plugins/udfs/echo", "GET, HEAD, OPTIONS"],
  ["/plugins/functions/echo/register", "OPTIONS, POST"],
  ["/plugins/sources/random/versions", "GET, HEAD, OPTIONS"],
  ["/plugins/sources/random/rollback", "OPTIONS, POST"],
  ["/config/uploads", "GET, HEAD, OPTIONS, POST"],
  ["/config/uploads/x.zip", "DELETE, OPTIONS"],
  ["/jobs", "GET, HEAD, OPTIONS"],
  ["/jobs/1", "DELETE, GET, HEAD, OPTIONS"],
  ["/jobs/1/events", "GET, HEAD, OPTIONS"],
  ["/jobs/1/log", "GET, HEAD, OPTIONS"],
  ["/plugins/sources/random/log", "GET, HEAD, OPTIONS"],
  ["/plugins/inspect", "OPTIONS, POST"],
  ["/openapi.json", "GET, HEAD, OPTIONS"],
  ["/docs", "GET, HEAD, OPTIONS"],
  ["/ui/index.html", "GET, HEAD, OPTIONS"],
];

/** `QUERY` is left out: Node 20 does not know it. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "TRACE", "SEARCH", "LOCK", "PURGE"];

describe.each(ALLOW)("%s", (path, allow) => {
  const wrong = METHODS.filter((method) => !allow.split(", ").includes(method));

  test.for(wrong)("%s is 405 without a body", async (method, { server }) => {
    const { status, headers, text } = await send(server.url + path, { method });
    expect({ status, allow: headers.allow, text }).toEqual({ status: 405, allow, text: "" });
    if (method !== "HEAD") expect(headers["content-length"]).toBe("0");
  });

  test("OPTIONS says what is allowed", async ({ server }) => {
    const { status, headers, text } = await send(server.url + path, { method: "OPTIONS" });
    expect([status, headers.allow, text]).toEqual([204, allow, ""]);
  });

  test.runIf(allow.includes("GET"))("HEAD is GET without its body", async ({ server }) => {
    const get = await send(server.url + path);
    const head = await send(server.url + path, { method: "HEAD" });
    expect([head.status, head.text]).toEqual([get.status, ""]);
    const comparable = ({ headers }: typeof get) => ({
      type: headers["content-type"],
      length: headers["content-length"],
    });
    // The age of the server can have one more digit by now.
    if (path !== "/") expect(comparable(head)).toEqual(comparable(get));
  });
});

test("what only looks like a known path is not there, whatever the method", async ({ server }) => {
  for (const path of ["/openapiXjson", "/docsX", "/metrics2", "/uiX", "/plugins/inspectX/y"]) {
    for (const method of ["GET", "POST", "DELETE"]) {
      expect([path, (await send(server.url + path, { method })).status]).toEqual([path, 404]);
    }
  }
});

test("a wrong method with a body and a content type is 405 too", async ({ server }) => {
  const headers = { "content-type": "application/json" };
  for (const body of ["", "{}", "{broken", "x".repeat(2 * 1024 * 1024)]) {
    for (const method of ["POST", "PATCH", "PROPFIND"]) {
      const answer = await send(`${server.url}/plugins/sources/random`, { method, headers, body });
      const isRead = method !== "PROPFIND"; // Fastify does not read the bodies of methods that it has no routes for
      expect([method, answer.status]).toEqual([method, isRead && body.length > 1024 * 1024 ? 413 : 405]);
    }
  }
});

test("a client that asks for JSON gets a 405 in JSON", async ({ server }) => {
  const headers = { accept: "application/json" };
  const answer = await send(`${server.url}/ping`, { method: "DELETE", headers });
  expect([answer.status, answer.headers.allow]).toEqual([405, "GET, HEAD, OPTIONS"]);
  expect(JSON.parse(answer.text)).toEqual({
    error: "METHOD_NOT_ALLOWED",
    message: "DELETE is not allowed here; allowed are GET, HEAD, OPTIONS",
  });
});

describe("unknown paths", () => {
  const UNKNOWN = [
    "/plugins/source",
    "/plugins/Sources",
    "/plugins/sources/random/more",
    "/plugins/sources/random/prebuild",
    "/plugins/rules/x",
    "/Ping",
    "/pingpong",
    "/favicon.ico",
    "/../etc/passwd",
    "/plugins/sources/../../etc",
    "/plugins/sources%2Frandom",
    "/%00",
    "/%E2%82%AC",
    "/constructor",
    "/__proto__/x",
  ];
  const all = UNKNOWN.flatMap((path) => [...METHODS, "OPTIONS"].map((method) => [method, path] as const));
  test.for(all)("%s %s is 404", async ([method, path], { server }) => {
    const { status, headers, text } = await send(server.url + path, { method });
    expect([status, headers["content-type"]]).toEqual([404, "text/plain; charset=utf-8"]);
    expect(text).toBe(method === "HEAD" ? "" : "404 page not found\n");
  });
});

test("a trailing slash, and slashes too many, are accepted", async ({ server, host }) => {
  for (const path of ["/plugins/sources/", "//plugins/sources", "/plugins//sources//", "/plugins/sources/?x=1"]) {
    expect([path, await ask(server.url + path)]).toEqual([path, [200, '["random"]']]);
  }
  expect((await ask(`${server.url}/plugins/sources/random/`))[1]).toMatch(/^\{"name":"random"/);
  expect(await ask(`${server.url}/plugins/sinks/prebuild/`)).toEqual([200, "{}"]);
  expect(await ask(`${server.url}/ping/`)).toEqual([200, ""]);
  const file = host.serveZip({ type: "sinks", name: "slashed" });
  expect((await post(`${server.url}/plugins/sinks/`, { name: "slashed", file }))[0]).toBe(201);
  expect((await ask(`${server.url}/plugins/sinks/slashed/`, { method: "DELETE" }))[0]).toBe(200);
});

test("a request as a proxy gets it, with the whole URL, is answered", async ({ rawRequest, server }) => {
  const lines = await rawRequest(`GET ${server.url}/plugins/sources HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  expect(lines).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(lines).toMatch(/\["random"\]$/);
});

test.for([
  ["garbage", "garbage\r\n\r\n", "400"],
  ["a method that nobody knows", "FETCH / HTTP/1.1\r\nHost: x\r\n\r\n", "400"],
  ["two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"],
  ["no host", "GET /ping HTTP/1.1\r\n\r\n", "400"],
  ["headers without end", `GET /ping HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "431"],
  ["a URL without end", `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, "431"],
] as const)("what is not HTTP is refused: %s", async ([_, request, status], { rawRequest, server }) => {
  expect(await rawRequest(request)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect((await ask(`${server.url}/ping`))[0]).toBe(200);
});
