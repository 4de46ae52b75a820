import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";

const test = sharedServerTest();

const PLAIN = "text/plain; charset=utf-8";
const JSON_TYPE = expect.stringMatching(/^application\/json(; charset=utf-8)?$/);

describe("errors are JSON where Accept names JSON", () => {
  test.for([
    ["application/json", true],
    ["APPLICATION/JSON", true],
    ["application/json; charset=utf-8", true],
    ["text/html, application/json;q=0.1", true],
    ["text/plain,application/json", true],
    ["application/problem+json", true],
    ["application/json;q=0", false],
    ["application/json; q=0.000", false],
    ["*/*", false],
    ["application/*", false],
    ["text/html,application/xhtml+xml,*/*;q=0.8", false],
    ["application/jsonp", false],
    ["text/json-ish", false],
    ["", false],
    [undefined, false],
    ["application/json,".repeat(500), true],
    [`${",".repeat(5000)};;q=`, false],
  ] as const)("%j: %j", async ([accept, isJson], { server }) => {
    const headers = accept === undefined ? {} : { accept };
    const { status, headers: answered, text } = await send(`${server.url}/plugins/sinks/none`, { headers });
    const sentence = "describe sinks plugin none error: not found";
    expect(status).toBe(404);
    expect(answered["content-type"]).toEqual(isJson ? JSON_TYPE : PLAIN);
    expect(text).toBe(isJson ? JSON.stringify({ error: "PLUGIN_NOT_FOUND", message: sentence }) : `${sentence}\n`);
  });
});

/** Each call with the code and the sentence of its refusal. */
const REFUSALS: readonly (readonly [
  method: string,
  path: string,
  body: string | undefined,
  status: number,
  code: string,
  sentence: string,
])[] = [
  ["GET", "/nowhere", undefined, 404, "PAGE_NOT_FOUND", "404 page not found"],
  ["GET", "/plugins/sources/x", undefined, 404, "PLUGIN_NOT_FOUND", "describe sources plugin x error: not found"],
  [
    "DELETE",
    "/plugins/sources/x",
    undefined,
    404,
    "PLUGIN_NOT_FOUND",
    "delete sources plugin x error: invalid name x: not exist",
  ],
  [
    "POST",
    "/plugins/sources",
    undefined,
    400,
    "BODY_INVALID",
    "Invalid body: Error decoding the sources plugin json: the body is empty",
  ],
  [
    "POST",
    "/plugins/sources",
    '{"name":"prebuild"}',
    400,
    "NAME_INVALID",
    "sources plugins create command error: invalid name prebuild: is reserved, choose another one",
  ],
  [
    "POST",
    "/plugins/sources",
    '{"name":"x","file":"x"}',
    400,
    "URI_INVALID",
    "sources plugins create command error: invalid uri x: it has no scheme; it should begin with http://, https:// or file:///",
  ],
  [
    "POST",
    "/plugins/sources",
    '{"name":"x","file":"file:///nowhere/x.zip"}',
    400,
    "DOWNLOAD_FAILED",
    "sources plugins create command error: fail to download file file:///nowhere/x.zip: stat /nowhere/x.zip: no such file or directory",
  ],
];

describe.each(REFUSALS)("%s %s %s", (method, path, body, status, code, sentence) => {
  const options = { method, ...(body === undefined ? {} : { body }) };

  test("is one line of text by default", async ({ server }) => {
    const { status: given, headers, text } = await send(server.url + path, { ...options, headers: { accept: "*/*" } });
    expect([given, headers["content-type"], text]).toEqual([status, PLAIN, `${sentence}\n`]);
  });

  test("has a stable code in JSON, and the same sentence", async ({ server }) => {
    const answer = await send(server.url + path, { ...options, headers: { accept: "application/json" } });
    expect([answer.status, answer.headers["content-type"]]).toEqual([status, JSON_TYPE]);
    expect(JSON.parse(answer.text)).toEqual({ error: code, message: sentence });
  });

  test("has the id under which it is in the log", async ({ server }) => {
    const { headers } = await send(server.url + path, options);
    const id = headers["x-request-id"];
    expect(id).toMatch(/^[\w-]+$/);
    const lines = server.logged.filter((line) => line.reqId === id);
    expect(lines.map(({ msg }) => msg)).toContain("request");
  });
});

test("every request has an id of its own, whatever the client sends", async ({ server }) => {
  const headers = { "x-request-id": "mine", "request-id": "mine" };
  const ids = await Promise.all(
    Array.from({ length: 20 }, async () => (await send(`${server.url}/nowhere`, { headers })).headers["x-request-id"]),
  );
  expect(new Set(ids).size).toBe(20);
  expect(ids).not.toContain("mine");
});

test("nothing tells what the server is made of", async ({ server }) => {
  for (const path of ["/", "/ping", "/nowhere", "/plugins/sources", "/plugins/sources/%zz"]) {
    const { headers, text } = await send(server.url + path);
    expect(Object.keys(headers)).not.toContain("x-powered-by");
    expect(Object.keys(headers)).not.toContain("server");
    expect(text).not.toMatch(/fastify|node_modules|FST_ERR|at .*\(.*:\d+:\d+\)/i);
  }
});
