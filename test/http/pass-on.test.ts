// biome-ignore-all lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures another one needs
import { createHash } from "node:crypto";
import { once } from "node:events";
import { METHODS } from "node:http";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import { test as base } from "../support/fixtures.ts";
import { ask, send } from "../support/http-client.ts";
import { receivedUntilClosed } from "../support/raw-client.ts";
import { bodyOf, RawEngine } from "../support/raw-engine.ts";
import { TestServer } from "../support/test-server.ts";

/** What is not ours goes to the engine as it came, and its reply comes back as it was. */

/** Says what it got: method, path, headers and the body's hash. */
const test = base
  .extend("engine", { scope: "file" }, async ({}, { onCleanup }) => {
    const engine = await RawEngine.start(async (request, response) => {
      const body = await bodyOf(request);
      const { method, url, rawHeaders } = request;
      response.setHeader("engine-saw", `${method} ${url}`);
      response.end(JSON.stringify({ method, url, rawHeaders, bytes: body.length, sha256: sha256(body) }));
    });
    onCleanup(() => engine[Symbol.asyncDispose]());
    return engine;
  })
  .extend("server", { scope: "file" }, async ({ engine }, { onCleanup }) => {
    const server = await TestServer.create();
    onCleanup(() => server.dispose());
    return server.start({ ENGINE__URL: engine.url });
  });

const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");
const BODY = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 31) % 256));

/** Headers of a name, as they came. */
function valuesOf({ rawHeaders }: { rawHeaders: string[] }, name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

describe("every method", () => {
  // CONNECT is no request for a server; TRACE must have no body.
  const methods = METHODS.filter((method) => method !== "CONNECT");

  test.for(methods)("%s, with no body and with one of either kind", async (method, { server }) => {
    const bodies = [undefined, BODY, BODY];
    for (const [index, body] of bodies.entries()) {
      if (method === "TRACE" && body !== undefined) continue;
      const options = { method, chunked: index === 2, ...(body && { body }) };
      const { status, headers, text } = await send(`${server.url}/rules/rule1?a=%20b`, options);
      expect([status, headers["engine-saw"]]).toEqual([200, `${method} /rules/rule1?a=%20b`]);
      if (method === "HEAD") continue;
      const got = JSON.parse(text);
      expect([got.bytes, got.sha256]).toEqual([body?.length ?? 0, sha256(body ?? "")]);
      const framing = [valuesOf(got, "content-length"), valuesOf(got, "transfer-encoding")];
      if (body !== undefined) expect(framing).toEqual(index === 2 ? [[], ["chunked"]] : [["70000"], []]);
    }
  });
});

describe("every path, byte for byte", () => {
  const paths = [
    "/streams",
    "/streams/",
    "//streams//x",
    "/a/./b",
    "/a/../b",
    "/rules/%2e%2e/x",
    "/rules/a%2Fb",
    "/rules/%ff%FE",
    "/rules/%zz",
    "/rules/100%",
    "/rules/%E4%BD%A0",
    "/rules/a\\b",
    "/rules/~a;b=c:d@e!$&'()*+,",
    "/rules/x#y",
    "/rules?sql=select%20*%20from%20%22a%22&x=/../&y=%zz&z=//",
    "/plugins/portablesx",
    "/config/upload",
    "/pluginsx",
    "/pings",
    "/stop/",
    `/${"x".repeat(15_000)}`,
    `/${"a/".repeat(5000)}`,
  ];

  test.for(paths)("%s", async (path, { server }) => {
    const [status, text] = await ask(server.url + path, { method: "PUT" });
    expect([status, JSON.parse(text).url]).toEqual([200, path]);
  });

  test("the forms that are sent to a proxy, and to the server itself", async ({ server }) => {
    for (const [sent, seen] of [
      ["http://other.example:1234/rules?x", "/rules?x"],
      ["*", "*"],
    ] as const) {
      const socket = connectTo(server.url);
      socket.write(`OPTIONS ${sent} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const received = await receivedUntilClosed(socket);
      expect(JSON.parse(received.slice(received.indexOf("{"), received.lastIndexOf("}") + 1)).url).toBe(seen);
    }
  });
});

describe("ours stay", () => {
  const ours = [
    ["GET", "/ping", 200],
    ["GET", "/plugins", 200],
    ["GET", "/plugins/sources", 200],
    ["GET", "//plugins///sinks/", 200],
    ["GET", "/plugins/%66unctions", 200],
    ["GET", "/plugins/udfs", 200],
    ["GET", "/plugins/sources/unknown", 404],
    ["GET", "/plugins/sources/a/b/c/d", 404],
    ["GET", "/plugins%2Fsources", 404],
    ["POST", "/plugins%2fsources", 404],
    ["POST", "/x/..%2fplugins/sources", 404],
    ["POST", "/plugins%2Fportables", 404],
    ["PUT", "/plugins%2Fportables/a", 404],
    ["POST", "/x/%2e%2e/plugins/./sinks", 404],
    ["GET", "/plugins/sources/%ff", 400],
    ["GET", "/jobs", 200],
    ["GET", "/jobs/none", 404],
    ["GET", "/config/uploads", 200],
    ["PATCH", "/plugins/sources", 405],
    ["PUT", "/ping", 405],
    ["DELETE", "/", 405],
    ["OPTIONS", "/plugins", 204],
  ] as const;

  test.for(ours)("%s %s", async ([method, path, status], { server, engine }) => {
    const before = engine.requests.length;
    const reply = await send(server.url + path, { method });
    expect([reply.status, reply.headers["engine-saw"]]).toEqual([status, undefined]);
    expect(engine.requests.length).toBe(before);
  });
});

describe("headers", () => {
  test("all go on but those of the connection", async ({ server, engine }) => {
    const socket = connectTo(server.url);
    const lines = [
      "GET /rules HTTP/1.1",
      "Host: dashboard.example:9081",
      "Authorization: raw.token.x",
      "X-Twice: one",
      "x-twice: two",
      "Cookie: a=1",
      "Cookie: b=2",
      "Accept-Encoding: gzip",
      "Content-Type: not a media type",
      "X-Forwarded-For: 192.0.2.1",
      "Via: 1.0 first",
      "Connection: close, X-Mine, Content-Length, Host",
      "X-Mine: hop",
      "Keep-Alive: timeout=5",
      "Proxy-Connection: keep-alive",
      "Proxy-Authorization: Basic x",
      "TE: trailers",
      "Upgrade: h2c",
      "HTTP2-Settings: x",
      "Content-Length: 2",
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\nhi`);
    const received = await receivedUntilClosed(socket);
    const got = JSON.parse(received.slice(received.indexOf("{"), received.lastIndexOf("}") + 1));
    expect(got.bytes).toBe(2);
    const values = (name: string) => valuesOf(got, name);
    expect({
      host: values("host"),
      authorization: values("authorization"),
      twice: values("x-twice"),
      cookie: values("cookie"),
      encoding: values("accept-encoding"),
      type: values("content-type"),
      forwarded: values("x-forwarded-for"),
      forwardedHost: values("x-forwarded-host"),
      proto: values("x-forwarded-proto"),
      via: values("via").length,
      connection: values("connection"),
    }).toEqual({
      host: [new URL(engine.url).host],
      authorization: ["raw.token.x"],
      twice: ["one", "two"],
      cookie: ["a=1", "b=2"],
      encoding: ["gzip"],
      type: ["not a media type"],
      forwarded: ["192.0.2.1, 127.0.0.1"],
      forwardedHost: ["dashboard.example:9081"],
      proto: ["http"],
      via: 2,
      connection: ["close"],
    });
    for (const name of ["x-mine", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade"]) {
      expect(values(name)).toEqual([]);
    }
    expect(values("http2-settings")).toEqual([]);
  });

  test("those of the reply come back as they were, repeated ones too", async ({ startServer }) => {
    const packed = gzipSync("packed by the engine");
    const head = [
      "HTTP/1.1 299 Odd But Fine",
      "Date: Thu, 01 Jan 1970 00:00:00 GMT",
      "Set-Cookie: a=1",
      "Set-Cookie: b=2",
      "X-Twice: one",
      "x-TWICE: two",
      "Content-Encoding: gzip",
      "Connection: close, X-Mine",
      "X-Mine: hop",
      "Keep-Alive: timeout=5",
      "Proxy-Authenticate: Basic",
      "Access-Control-Allow-Origin: *",
      `Content-Length: ${packed.length}`,
    ];
    await using engine = await RawEngine.startTcp((socket) => {
      socket.once("data", () => socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), packed])));
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const socket = connectTo(server.url).setEncoding("latin1");
    socket.write("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const received = await receivedUntilClosed(socket);
    const [gotHead = "", body = ""] = received.split("\r\n\r\n");
    const kept = head.filter((line) => !/^(Connection|X-Mine|Keep-Alive|Proxy)/.test(line));
    expect(gotHead.split("\r\n")).toEqual([...kept, "Connection: close"]);
    expect(body).toBe(packed.toString("latin1"));
  });

  test("trailers go both ways, and early hints come back", async ({ startServer }) => {
    let trailers = {};
    await using engine = await RawEngine.start(async (request, response) => {
      await bodyOf(request);
      trailers = request.trailers;
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.setHeader("trailer", "X-Sum");
      response.write("body");
      response.addTrailers({ "X-Sum": "42" });
      response.end();
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const socket = connectTo(server.url);
    socket.write(
      "POST /x HTTP/1.1\r\nHost: x\r\nTrailer: X-Check\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    );
    socket.write("2\r\nhi\r\n0\r\nX-Check: 7\r\n\r\n");
    const received = await receivedUntilClosed(socket);
    expect(trailers).toEqual({ "x-check": "7" });
    expect(received).toMatch(/^HTTP\/1\.1 103 .*\r\n(?:.+\r\n)*link: <\/a>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/i);
    expect(received).toMatch(/\r\nTrailer: X-Sum\r\n/i);
    expect(received).toMatch(/4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n$/i);
  });
});

describe("replies", () => {
  test.for([200, 201, 204, 206, 301, 304, 400, 401, 404, 418, 500, 503, 599])("%s", async (status, { startServer }) => {
    const hasBody = status !== 204 && status !== 304;
    await using engine = await RawEngine.start((_request, response) => {
      response
        .writeHead(status, { location: "/elsewhere", etag: '"1"' })
        .end(hasBody ? "the engine's words\n" : undefined);
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const { headers, ...reply } = await send(`${server.url}/rules`, { headers: { accept: "application/json" } });
    expect(reply).toEqual({ status, text: hasBody ? "the engine's words\n" : "" });
    expect([headers.location, headers.etag]).toEqual(["/elsewhere", '"1"']);
  });

  test("HEAD has the length of what GET would send", async ({ startServer }) => {
    await using engine = await RawEngine.start((_request, response) => {
      response.writeHead(200, { "content-length": 12345 }).end();
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const { headers, text } = await send(`${server.url}/rules`, { method: "HEAD" });
    expect([headers["content-length"], text]).toEqual(["12345", ""]);
  });

  test("a client keeps its connection, although the engine closes its own", async ({ server }) => {
    const socket = connectTo(server.url);
    for (let count = 0; count < 3; count += 1) {
      socket.write("POST /rules HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
      expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
    }
    socket.destroy();
  });

  test("pipelined requests are answered in their order", async ({ server }) => {
    const socket = connectTo(server.url);
    const one = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi`;
    socket.write(`${one("/first")}${one("/ping2")}GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const received = await receivedUntilClosed(socket);
    expect([...received.matchAll(/engine-saw: (.*)\r\n/g)].map(([, saw]) => saw)).toEqual([
      "POST /first",
      "POST /ping2",
      "GET /last",
    ]);
  });

  test("200 at once", async ({ startServer }) => {
    await using engine = await RawEngine.start(async (request, response) => {
      const body = await bodyOf(request);
      response.end(`${request.url} ${body}`);
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        ask(`${server.url}/r/${index}`, { method: "PUT", body: `body ${index}` }),
      ),
    );
    expect(replies).toEqual(Array.from({ length: 200 }, (_, index) => [200, `/r/${index} body ${index}`]));
  });

  test("HTTP/1.0 clients get a reply without chunks", async ({ startServer }) => {
    await using engine = await RawEngine.start((_request, response) => {
      response.write("in ");
      response.end("chunks");
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const socket = connectTo(server.url);
    socket.write("GET /x HTTP/1.0\r\n\r\n");
    expect(await receivedUntilClosed(socket)).toMatch(
      /^HTTP\/1\.1 200 OK\r\n(?!.*transfer-encoding).*\r\n\r\nin chunks$/is,
    );
  });
});

function connectTo(url: string): Socket {
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  return socket;
}
