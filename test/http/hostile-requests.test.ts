import type { Socket } from "node:net";
import { promisify } from "node:util";
import { describe, expect, vi } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, send } from "../support/http-client.ts";
import { RawClients, receivedUntilClosed } from "../support/raw-client.ts";

/** Requests that are legal at their beginning and never end as they should: each is bounded, and others are answered. */

const POST = "POST /plugins/sinks HTTP/1.1\r\nHost: x\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";
const ZIP = `POST /plugins/sinks?name=x HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\n`;
const FORM = `${POST}Content-Type: multipart/form-data; boundary=x\r\n`;
const PART = '--x\r\nContent-Disposition: form-data; name="file"; filename="x.zip"\r\n\r\nPK\x03\x04\r\n--x--\r\n';
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

const QUICK = {
  HTTP__HEADERSTIMEOUTSECONDS: "0.3",
  HTTP__REQUESTTIMEOUTSECONDS: "0.4",
  HTTP__KEEPALIVETIMEOUTSECONDS: "0.3",
  UPLOADS__IDLETIMEOUTSECONDS: "0.5",
  UPLOADS__TIMEOUTSECONDS: "1",
};

const test = stoppedServerTest
  .extend("clients", ({ server }, { onCleanup }) => {
    const clients = new RawClients(() => server.url);
    onCleanup(() => clients.destroy());
    return clients;
  })
  .extend("expectReadsAnswered", ({ server }) => async (): Promise<void> => {
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
  })
  .extend("expectNoConnections", ({ server }) => async (): Promise<void> => {
    const http = server.app.server;
    const count = promisify((done: (error: Error | null, count: number) => void) => http.getConnections(done));
    await vi.waitFor(async () => expect(await count()).toBe(0), { timeout: 30_000 });
  });

/** Sends a piece again and again, one every few milliseconds. */
function drip(socket: Socket, piece: string): void {
  const timer = setInterval(() => socket.writable && socket.write(piece), 20);
  socket.once("close", () => clearInterval(timer));
}

/** Sends a piece again and again, as fast as the server takes it. */
function flood(socket: Socket, piece: string): void {
  const more = () => {
    while (socket.writable && socket.write(piece));
  };
  socket.on("drain", more);
  more();
}

describe("what is sent bit by bit, without end", () => {
  test.for<[what: string, begin: string, piece: string, answer: RegExp]>([
    ["a request line", "GET /", "a", /^HTTP\/1\.1 408 /],
    ["trailers", `${POST}${CHUNKED}${chunk("{")}0\r\n`, "X-T: a\r\n", /^HTTP\/1\.1 408 /],
    ["trailers of a zip", `${ZIP}${CHUNKED}${chunk("PK\x03\x04")}0\r\n`, "X-T: a\r\n", /^HTTP\/1\.1 408 /],
    ["trailers of a form", `${FORM}${CHUNKED}${chunk(PART)}0\r\n`, "X-T: a\r\n", /^HTTP\/1\.1 4\d\d /],
    ["what follows a form", `${FORM}${CHUNKED}${chunk(PART)}`, chunk(" "), /^HTTP\/1\.1 4\d\d /],
    ["an extension of a chunk", `${POST}${CHUNKED}1;`, "a", /^HTTP\/1\.1 408 /],
    ["a size of a chunk", `${POST}${CHUNKED}`, "0", /^HTTP\/1\.1 4\d\d /],
    [
      "nothing, though it was asked for a body",
      `${POST}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n`,
      "",
      /100 Continue\r\n\r\nHTTP\/1\.1 408 /,
    ],
    [
      "nothing, though it was asked for a zip",
      `${ZIP}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n`,
      "",
      /100 Continue\r\n\r\nHTTP\/1\.1 408 /,
    ],
  ])("%s", async ([_, begin, piece, answer], { server, clients, expectReadsAnswered, expectNoConnections }) => {
    await server.start(QUICK);
    const sockets = Array.from({ length: 4 }, () => clients.open());
    for (const socket of sockets) {
      socket.write(begin);
      if (piece !== "") drip(socket, piece);
    }
    const received = Promise.all(sockets.map(receivedUntilClosed));
    await expectReadsAnswered();
    for (const text of await received) expect(text).toMatch(answer);
    await expectNoConnections();
  });
});

describe("what is sent as fast as possible, without end", () => {
  test.for<[what: string, begin: string, piece: string, isCut: boolean]>([
    ["trailers", `${POST}${CHUNKED}${chunk("{")}0\r\n`, "X-T: aaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(100), true],
    ["an extension of a chunk", `${POST}${CHUNKED}1;`, "a".repeat(4096), true],
    ["extensions of chunks", `${POST}${CHUNKED}`, `1;${"a".repeat(10_000)}\r\n \r\n`, false],
    ["empty lines before a request", "", "\r\n".repeat(1000), false],
  ])("%s", async ([_, begin, piece, isCut], { server, clients, expectReadsAnswered, expectNoConnections }) => {
    await server.start(QUICK);
    const socket = clients.open();
    socket.write(begin);
    const received = receivedUntilClosed(socket);
    flood(socket, piece);
    await expectReadsAnswered();
    expect(await received).toMatch(/^($|HTTP\/1\.1 4\d\d )/); // a reset can overtake the answer
    if (isCut) expect(socket.bytesWritten).toBeLessThan(64 * 1024 * 1024); // mostly what the kernel buffers
    await expectNoConnections();
  });
});

describe("what asks for another protocol", () => {
  test.for<[what: string, request: string, answer: RegExp]>([
    [
      "websocket",
      "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      /^HTTP\/1\.1 200 /,
    ],
    [
      "h2c",
      "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
      /^HTTP\/1\.1 200 /,
    ],
    ["HTTP/2 at once", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["a tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", /^$|^HTTP\/1\.1 4\d\d /],
  ])(
    "%s: the connection is not handed over",
    async ([_, request, answer], { server, clients, expectReadsAnswered, expectNoConnections }) => {
      await server.start(QUICK);
      const socket = clients.open();
      socket.write(request);
      expect(await receivedUntilClosed(socket)).toMatch(answer);
      await expectReadsAnswered();
      await expectNoConnections();
    },
  );
});

test("a timeout of a request is not written into its reply", async ({ server, host, clients }) => {
  await server.start({ HTTP__HEADERSTIMEOUTSECONDS: "0.1", HTTP__REQUESTTIMEOUTSECONDS: "0.2" });
  const held = host.holdZip({ type: "sinks", name: "held" });
  const headers = { prefer: "respond-async" };
  const { headers: reply } = await send(`${server.url}/plugins/sinks`, {
    ...{ method: "POST", headers },
    body: { name: "held", file: held.url },
  });
  const socket = clients.open();
  socket.write(`GET ${reply.location}/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{`);
  const received = await receivedUntilClosed(socket);
  expect(received).toMatch(/^HTTP\/1\.1 200 .*event: progress/s);
  expect(received).not.toContain("408");
  held.release();
});

describe("pipelined requests", () => {
  const LIST = "GET /plugins/sinks HTTP/1.1\r\nHost: x\r\n\r\n";

  const install = (name: string, file: string) => {
    const body = JSON.stringify({ name, file });
    return `${POST}Content-Length: ${body.length}\r\n\r\n${body}`;
  };

  test("are begun when the earlier ones are answered", async ({ server, host, clients }) => {
    await server.start();
    const held = host.holdZip({ type: "sinks", name: "held" });
    const socket = clients.open();
    socket.write(install("held", held.url) + LIST + LIST.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    await held.asked;
    held.release();
    const received = await receivedUntilClosed(socket);
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 201", "HTTP/1.1 200", "HTTP/1.1 200"]);
    expect(received.match(/\["held"\]/g)).toHaveLength(2);
  });

  test("behind one that takes long are not read without end", async ({ server, host, clients }) => {
    await server.start();
    const held = host.holdZip({ type: "sinks", name: "held" });
    const socket = clients.open();
    const padded = LIST.replace("\r\n\r\n", `\r\nX: ${"x".repeat(5000)}\r\n\r\n`);
    socket.write(install("held", held.url));
    await held.asked;
    for (let count = 0; count < 5000; count += 1) socket.write(padded);
    await ask(`${server.url}/plugins/sinks`);
    expect(socket.writableLength).toBeGreaterThan(0);
    held.release();
    socket.write(LIST.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    const received = await receivedUntilClosed(socket);
    expect(received.match(/HTTP\/1\.1 20\d/g)).toHaveLength(5002);
  });

  test("of which far too many come at once end the connection", async ({ server, host, clients }) => {
    await server.start();
    const held = host.holdZip({ type: "sinks", name: "held" });
    const socket = clients.open();
    socket.write(install("held", held.url));
    await held.asked;
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000));
    expect(await receivedUntilClosed(socket)).toBe("");
    held.release();
    await vi.waitFor(async () => expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, '["held"]']), {
      timeout: 30_000,
    });
    expect(server.logged.filter(({ url }) => url === "/")).toEqual([]);
  });

  test("of a client that has gone are not begun", async ({ server, host, clients, expectNoConnections }) => {
    await server.start();
    const file = host.serveZip({ type: "sinks", name: "later" });
    const held = host.holdZip({ type: "sinks", name: "held" });
    const socket = clients.open();
    socket.write(install("held", held.url) + install("later", file));
    await held.asked;
    socket.destroy();
    await expectNoConnections();
    held.release();
    await vi.waitFor(async () => expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, '["held"]']), {
      timeout: 30_000,
    });
  });
});
