import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { promisify } from "node:util";
import { describe, expect, vi } from "vitest";
import { type Certificate, makeCertificate } from "../support/file-server.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import { RawClients, receivedUntilClosed } from "../support/raw-client.ts";
import { stall } from "../support/stall.ts";

/** Who holds connections can't lock others out: idle ones make room, stalled ones are ended, /ping is always answered. */

const PING = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";
const POST = "POST /plugins/sinks HTTP/1.1\r\nHost: x\r\n";

const certificate = await makeCertificate();

const test = stoppedServerTest
  .extend("clients", ({ server }, { onCleanup }) => {
    const clients = new RawClients(() => server.url);
    onCleanup(() => clients.destroy());
    return clients;
  })
  /** How many connections the system still has open on the server's side. */
  .extend("count", ({ server }) => () => {
    const http = server.app.server;
    return promisify((done: (error: Error | null, count: number) => void) => http.getConnections(done))();
  })
  /** Connections that each wait for an install, and what lets these go on. */
  .extend("occupy", ({ host, clients }) => async (count: number, localAddress?: string) => {
    const zips = Array.from({ length: count }, (_, index) => host.holdZip({ type: "sinks", name: `held${index}` }));
    const sockets = zips.map(({ url }, index) => {
      const body = JSON.stringify({ name: `held${index}`, file: url });
      const socket = clients.open(localAddress);
      socket.write(`${POST}Content-Length: ${body.length}\r\n\r\n${body}`);
      return socket;
    });
    await Promise.all(zips.map(({ asked }) => asked));
    const release = () => {
      for (const zip of zips) zip.release();
    };
    return { sockets, release };
  });

/** For conditions that a check of the server brings about, once a second. */
const eventually = (assertion: () => Promise<void>) => vi.waitFor(assertion, { timeout: 30_000 });

describe.skipIf(certificate === undefined)("a TLS handshake that is never finished", () => {
  const tls = certificate as Certificate;
  /** The record of a ClientHello, of which the most is missing. */
  const BEGUN = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01]);

  test.for<[what: string, begin: (socket: Socket) => void]>([
    ["by a silent client", () => {}],
    ["after its first bytes", (socket) => socket.write(BEGUN)],
    ["by a client that has closed its side", (socket) => socket.end(BEGUN)],
    ["by a client that sends a byte now and then", (socket) => drip(socket, BEGUN)],
    ["but broken", (socket) => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
  ])("%s: the connection is freed", async ([_, begin], { server, clients, count }) => {
    await server.start({ HTTP__TLSHANDSHAKETIMEOUTSECONDS: "0.2" }, tls);
    const sockets = Array.from({ length: 10 }, () => clients.open());
    for (const socket of sockets) begin(socket);
    await Promise.all(sockets.map(receivedUntilClosed));
    await eventually(async () => expect(await count()).toBe(0));
    expect(await ask(`${server.url}/plugins/sinks`, { ca: tls.cert })).toEqual([200, "[]"]);
  });

  test("does not wait when the client has gone", async ({ server, clients, count }) => {
    await server.start({ HTTP__TLSHANDSHAKETIMEOUTSECONDS: "3600" }, tls);
    const sockets = Array.from({ length: 10 }, () => clients.open());
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    await eventually(async () => expect(await count()).toBe(10));
    for (const socket of sockets) socket.destroy();
    await eventually(async () => expect(await count()).toBe(0));
  });

  test("makes room for others", async ({ server, clients }) => {
    await server.start({ HTTP__MAXCONNECTIONS: "5", HTTP__TLSHANDSHAKETIMEOUTSECONDS: "3600" }, tls);
    const sockets = Array.from({ length: 20 }, () => clients.open());
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    expect(await ask(`${server.url}/plugins/sinks`, { ca: tls.cert })).toEqual([200, "[]"]);
  });

  test("is over when it is finished: the connection is kept alive", async ({ server }) => {
    await server.start({ HTTP__TLSHANDSHAKETIMEOUTSECONDS: "1" }, tls);
    const socket = connectTls({ port: Number(new URL(server.url).port), host: "127.0.0.1", ca: tls.cert });
    await once(socket, "secureConnect");
    await new Promise((resolve) => setTimeout(resolve, 2500)); // past a check; there is nothing to wait for
    socket.write(PING);
    expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });
});

describe("http.maxConnections", () => {
  test("ends the longest idle connection for a new one", async ({ server, clients }) => {
    await server.start({ HTTP__MAXCONNECTIONS: "3" });
    const first = await clients.openIdle();
    const second = await clients.openIdle();
    const third = await clients.openIdle();
    first.write(PING); // so it is the last one to be idle
    await once(first, "data");
    const fourth = await clients.openIdle();
    expect(await receivedUntilClosed(second)).toBe("");
    for (const socket of [first, third, fourth]) {
      socket.write(PING);
      expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
    }
  });

  test("ends connections that never sent a request, and says so in the log once", async ({ server, clients }) => {
    await server.start({ HTTP__MAXCONNECTIONS: "3" });
    const silent = Array.from({ length: 50 }, () => clients.open());
    await Promise.all(silent.map((socket) => once(socket, "connect")));
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
    const warned = expect.objectContaining({ level: 40, msg: expect.stringContaining("http.maxConnections") });
    await vi.waitFor(() => expect(server.logged).toContainEqual(warned), { timeout: 30_000 });
  });

  test("ends connections whose bodies do not come", async ({ server, clients }) => {
    await server.start({ HTTP__MAXCONNECTIONS: "3" });
    const slow = Array.from({ length: 3 }, () => clients.open());
    for (const socket of slow) socket.write(`${POST}Content-Length: 100\r\n\r\n{`);
    const ended = Promise.race(slow.map(receivedUntilClosed));
    await eventually(async () => expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]));
    expect(await ended).toBe("");
  });

  test("when all are in use, /ping is answered and all else is 503", async ({ server, occupy }) => {
    await server.start({ HTTP__MAXCONNECTIONS: "2" });
    const { sockets, release } = await occupy(2);
    expect(await send(`${server.url}/ping`)).toMatchObject({ status: 200, headers: { connection: "close" } });
    const message = "the server has too many open connections (http.maxConnections)";
    for (const path of ["/plugins/sinks", "/nowhere"]) {
      const refused = await send(server.url + path);
      expect(refused).toMatchObject({ status: 503, headers: { connection: "close", "retry-after": "5" } });
      expect(refused.text).toBe(`${message}; close some, or try again in a moment\n`);
    }
    const json = await send(`${server.url}/plugins/sinks`, { headers: { accept: "application/json" } });
    expect(JSON.parse(json.text)).toMatchObject({ error: "TOO_BUSY", message: expect.stringContaining(message) });
    expect((await post(`${server.url}/plugins/sinks`, { name: "x", file: "http://127.0.0.1:9/" }))[0]).toBe(503);
    release();
    for (const socket of sockets) expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 201 /);
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, '["held0","held1"]']);
  });

  test("those beyond the limit do not keep /ping from being answered", async ({ server, clients, occupy, count }) => {
    await server.start({ HTTP__MAXCONNECTIONS: "1" });
    const { release } = await occupy(1);
    const silent = Array.from({ length: 300 }, () => clients.open());
    for (const socket of silent) socket.write(`${POST}Content-Length: 100\r\n\r\n{`); // answered, but not read to their end
    await Promise.all(silent.map((socket) => once(socket, "connect")));
    for (let round = 0; round < 10; round += 1) expect((await ask(`${server.url}/ping`))[0]).toBe(200);
    await eventually(async () => expect(await count()).toBeLessThan(1 + 64 + 2));
    release();
  });
});

describe("http.maxConnectionsPerAddress", () => {
  test("keeps one address from taking all", async ({ server, clients, occupy }) => {
    await server.start({ HTTP__MAXCONNECTIONSPERADDRESS: "2" });
    const { release } = await occupy(2, "127.0.0.2");
    const refused = clients.open("127.0.0.2");
    refused.write("GET /plugins/sinks HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await receivedUntilClosed(refused)).toMatch(/^HTTP\/1\.1 503 .*\(http\.maxConnectionsPerAddress\)/s);
    await clients.openIdle("127.0.0.2"); // was answered
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
    release();
  });

  test("ends the longest idle connection of that address, not of another", async ({ server, clients }) => {
    await server.start({ HTTP__MAXCONNECTIONSPERADDRESS: "1" });
    const other = await clients.openIdle("127.0.0.3");
    const first = await clients.openIdle("127.0.0.2");
    await clients.openIdle("127.0.0.2");
    expect(await receivedUntilClosed(first)).toBe("");
    other.write(PING);
    expect(String((await once(other, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("is none with 0", async ({ server, clients, count }) => {
    await server.start({ HTTP__MAXCONNECTIONSPERADDRESS: "0" });
    await Promise.all(Array.from({ length: 600 }, () => clients.openIdle()));
    expect(await count()).toBe(600);
  });
});

describe("http.keepAliveTimeoutSeconds", () => {
  test.for<[what: string, more: string]>([
    ["that are silent", ""],
    ["that send empty lines", "\r\n"],
  ])("ends connections %s", async ([_, more], { server, clients }) => {
    await server.start({ HTTP__KEEPALIVETIMEOUTSECONDS: "0.2", HTTP__HEADERSTIMEOUTSECONDS: "0.2" });
    const socket = await clients.openIdle();
    const timer = setInterval(() => socket.write(more), 20);
    expect(await receivedUntilClosed(socket)).toBe("");
    clearInterval(timer);
  });

  test.for([
    ["Node's own timeout", "10"],
    ["our check, too", "0.2"],
  ] as const)(
    "does not count what came during a stall as silence: %s",
    async ([_, headersTimeout], { server, clients }) => {
      await server.start({ HTTP__KEEPALIVETIMEOUTSECONDS: "0.2", HTTP__HEADERSTIMEOUTSECONDS: headersTimeout });
      const socket = clients.open();
      socket.write(PING);
      expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
      setImmediate(() => socket.write(PING));
      await stall(3500);
      expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  test("ends connections whose last request never ends", async ({ server, clients }) => {
    const short = { HTTP__KEEPALIVETIMEOUTSECONDS: "0.2", HTTP__HEADERSTIMEOUTSECONDS: "0.2" };
    await server.start({ ...short, HTTP__REQUESTTIMEOUTSECONDS: "0.5" });
    const socket = clients.open();
    socket.write("GET /ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const timer = setInterval(() => socket.write("1\r\n \r\n"), 20);
    await receivedUntilClosed(socket);
    clearInterval(timer);
  });
});

describe("http.writeTimeoutSeconds", () => {
  /** Sends requests and reads nothing, until the server takes no more. Each is so long that few come in one read. */
  async function fill(socket: Socket): Promise<void> {
    const request = `GET /plugins/sinks/${"n".repeat(1000)} HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(5000)}\r\n\r\n`;
    for (let isTaken = true; isTaken; ) {
      while (socket.write(request));
      const stop = new AbortController();
      const stuck = new Promise<false>((resolve) => setTimeout(() => resolve(false), 500));
      isTaken = await Promise.race([once(socket, "drain", stop).then(() => true), stuck]);
      stop.abort();
    }
  }

  test("ends a client that reads no reply", async ({ server, clients, count }) => {
    await server.start({ HTTP__WRITETIMEOUTSECONDS: "0.5" });
    const sockets = Array.from({ length: 3 }, () => clients.open());
    await Promise.all(sockets.map((socket) => fill(socket).catch(() => {})));
    await eventually(async () => expect(await count()).toBe(0));
    const answered = server.logged.filter(({ msg }) => msg === "request").length;
    expect(sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0) / 6000).toBeGreaterThan(answered);
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
  });

  test("is not the time of an install, in which nothing is sent", async ({ server, occupy, count }) => {
    await server.start({ HTTP__WRITETIMEOUTSECONDS: "0.05", HTTP__KEEPALIVETIMEOUTSECONDS: "0.05" });
    const { sockets, release } = await occupy(1);
    await new Promise((resolve) => setTimeout(resolve, 2500)); // past two checks
    expect(await count()).toBe(1);
    release();
    for (const socket of sockets) expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 201 /);
  });
});

function drip(socket: Socket, bytes: Buffer): void {
  socket.write(bytes);
  const timer = setInterval(() => socket.write("\0"), 50);
  socket.once("close", () => clearInterval(timer));
}
