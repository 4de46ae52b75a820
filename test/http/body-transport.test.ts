import { once } from "node:events";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";

/** How a body is sent: clients do it in every way, and all of them are taken. */

const MiB = 1024 * 1024;
const PREFIX = "Invalid body: Error decoding the sinks plugin json: ";

let count = 0;
const test = sharedServerTest()
  .extend("pluginName", () => {
    count += 1;
    return `plugin${count}`;
  })
  .extend("order", ({ host, pluginName: name }) =>
    JSON.stringify({ name, file: host.serveZip({ type: "sinks", name }) }),
  )
  .extend("padded", ({ order }) => (length: number) => {
    return order + " ".repeat(length - order.length);
  });

describe("any content type, or none, is JSON", () => {
  test.for([
    undefined,
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=ISO-8859-1",
    "APPLICATION/JSON",
    "application/x-www-form-urlencoded",
    "text/plain",
    "application/xml",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/vnd.api+json",
    "*/*",
    "foo",
    "application/json;;",
    "application/json, text/plain",
    ";",
    "/",
    "application/",
    "x y/z w",
    "text/html; charset",
    "ü/ü",
    "",
  ])("sent as %j", async (type, { server, order, pluginName: name }) => {
    const headers = type === undefined ? {} : { "content-type": Buffer.from(type).toString("latin1") };
    const answer = await ask(`${server.url}/plugins/sinks`, { method: "POST", headers, body: order });
    expect(answer).toEqual([201, `sinks plugin ${name} is created`]);
  });

  test("but a real form is a form", async ({ pluginName: name, server }) => {
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const body = `--x\r\ncontent-disposition: form-data; name="name"\r\n\r\n${name}\r\n--x--\r\n`;
    const answer = await ask(`${server.url}/plugins/sinks`, { method: "POST", headers, body });
    expect(answer).toEqual([
      400,
      "sinks plugins create command error: invalid uri : it is empty; it should be a URL that begins with http://, https:// or file:///\n",
    ]);
  });
});

test("chunked bodies are accepted, with and without a content type", async ({ server, order }) => {
  const [status] = await ask(`${server.url}/plugins/sinks`, { method: "POST", body: order, chunked: true });
  expect(status).toBe(201);
  const headers = { "content-type": "application/json" };
  const empty = await ask(`${server.url}/plugins/sinks`, { method: "POST", headers, body: "", chunked: true });
  expect(empty).toEqual([400, `${PREFIX}the body is empty\n`]);
});

test("a body that is announced with Expect: 100-continue is asked for", async ({ server, order }) => {
  const headers = { expect: "100-continue" };
  expect((await ask(`${server.url}/plugins/sinks`, { method: "POST", headers, body: order }))[0]).toBe(201);
});

test("a compressed body is refused", async ({ server, order }) => {
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const [status, text] = await ask(`${server.url}/plugins/sinks`, { method: "POST", headers, body: gzipSync(order) });
  expect([status, text]).toEqual([400, `${PREFIX}it is not valid JSON: Unexpected token '\\u001f'\n`]);
});

describe("a DELETE is answered whatever its body is", () => {
  test.for<[string, Record<string, string>, string | undefined]>([
    ["application/json and no body, as a dashboard sends it", { "content-type": "application/json" }, undefined],
    ["application/json and an empty body", { "content-type": "application/json" }, ""],
    ["application/json and a broken body", { "content-type": "application/json" }, "{"],
    ["a body without a content type", {}, "x"],
    ["a content type that is none", { "content-type": "foo" }, undefined],
  ])("%s", async ([_, headers, body], { server, order, pluginName: name }) => {
    expect((await post(`${server.url}/plugins/sinks`, order))[0]).toBe(201);
    const url = `${server.url}/plugins/sinks/${name}`;
    const [status, text] = await ask(url, { method: "DELETE", headers, ...(body === undefined ? {} : { body }) });
    expect([status, text]).toEqual([200, expect.stringContaining(`sinks plugin ${name} is deleted`)]);
  });
});

test("a GET may have a body", async ({ server }) => {
  const headers = { "content-type": "application/json" };
  expect((await ask(`${server.url}/ping`, { headers, body: "{broken" }))[0]).toBe(200);
});

describe("the limit of 1 MiB", () => {
  const refusal = (prefix = PREFIX, limit = MiB) => [
    413,
    `${prefix}the body is larger than ${limit} bytes (http.maxBodyBytes)\n`,
  ];

  test.for([false, true])("is exact (chunked: %s)", async (chunked, { server, padded }) => {
    const url = `${server.url}/plugins/sinks`;
    expect(await ask(url, { method: "POST", body: padded(MiB + 1), chunked })).toEqual(refusal());
    expect((await ask(url, { method: "POST", body: padded(MiB), chunked }))[0]).toBe(201);
  });

  test("holds for every route", async ({ server }) => {
    const body = "x".repeat(MiB + 1);
    expect(await post(`${server.url}/`, body)).toEqual(refusal(""));
    expect(await ask(`${server.url}/plugins/sinks/x`, { method: "DELETE", body })).toEqual(refusal(""));
  });

  test("is a setting", async ({ startServer }) => {
    const small = await startServer({ HTTP__MAXBODYBYTES: "1024" });
    expect(await post(`${small.url}/plugins/sinks`, "x".repeat(1025))).toEqual(refusal(PREFIX, 1024));
    expect((await post(`${small.url}/plugins/sinks`, "x".repeat(1024)))[0]).toBe(400);
  });

  test("does not wait for the rest of a body that is announced as too long", async ({ server }) => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write("POST /plugins/sinks HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{");
    const [chunk] = await once(socket, "data");
    expect(String(chunk)).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  test("says so in JSON too", async ({ server, padded }) => {
    const headers = { accept: "application/json" };
    const answer = await send(`${server.url}/plugins/sinks`, { method: "POST", headers, body: padded(MiB + 1) });
    expect(JSON.parse(answer.text)).toEqual({
      error: "BODY_TOO_LARGE",
      message: `${PREFIX}the body is larger than ${MiB} bytes (http.maxBodyBytes)`,
    });
  });
});

test("a body that never ends is not waited for", async ({ startServer }) => {
  const impatient = await startServer({ HTTP__REQUESTTIMEOUTSECONDS: "0.2", HTTP__HEADERSTIMEOUTSECONDS: "0.1" });
  const heads = ["POST /plugins/sinks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "GET / HTTP/1.1\r\nHos"];
  for (const head of heads) {
    const socket = connect(Number(new URL(impatient.url).port), "127.0.0.1");
    socket.write(head);
    let received = "";
    for await (const chunk of socket) received += chunk;
    expect(received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\nContent-Type: text\/plain; charset=utf-8\r\n/);
    expect(received).toMatch(/\r\n\r\nthe request took too long to arrive \(http\.headersTimeoutSeconds.*\)\n$/);
  }
});
