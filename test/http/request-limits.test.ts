import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, vi } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask } from "../support/http-client.ts";

/** Clients that are slow, greedy or many: each is bounded, and reads by others are answered meanwhile. */

const GET = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";
const POST = "POST /plugins/sinks HTTP/1.1\r\nHost: x\r\n";

const test = stoppedServerTest
  .extend("open", ({ server }, { onCleanup }) => {
    const sockets: Socket[] = [];
    onCleanup(() => {
      for (const socket of sockets) socket.destroy();
    });
    return () => {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1").setNoDelay();
      socket.on("error", () => {}); // a reset is one of the ways to be ended
      sockets.push(socket);
      return socket;
    };
  })
  /** A connection that the server has taken: it answered once. */
  .extend("openIdle", ({ open }) => async (): Promise<Socket> => {
    const socket = open();
    socket.write(GET);
    await once(socket, "data");
    return socket;
  })
  .extend("expectReadsAnswered", ({ server }) => async (): Promise<void> => {
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
  });

/** Everything that arrives until the connection ends. */
async function receivedUntilClosed(socket: Socket): Promise<string> {
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve)); // `once` rejects on a reset
  return received;
}

/** Writes again and again until the connection ends, so that it is never silent. */
function trickle(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.writable && socket.write(text), 20);
  socket.once("close", () => clearInterval(timer));
}

describe("clients that send byte by byte are ended", () => {
  test.for<[what: string, head: string, more: string]>([
    ["headers", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "a"],
    ["many headers", "GET / HTTP/1.1\r\nHost: x\r\n", "X-Slow: a\r\n"],
    ["a body", `${POST}Content-Length: 100000\r\n\r\n{`, " "],
    ["a chunked body", `${POST}Transfer-Encoding: chunked\r\n\r\n`, "1\r\n \r\n"],
    ["a body that nobody needs", "GET /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", " "],
  ])("%s", async ([_, head, more], { server, open, expectReadsAnswered }) => {
    await server.start({ HTTP__HEADERSTIMEOUTSECONDS: "0.5", HTTP__REQUESTTIMEOUTSECONDS: "0.6" });
    const slow = Array.from({ length: 20 }, open);
    for (const socket of slow) {
      socket.write(head);
      trickle(socket, more);
    }
    const ended = Promise.all(slow.map(receivedUntilClosed));
    await expectReadsAnswered();
    for (const answer of await ended) expect(answer).toMatch(/^($|HTTP\/1\.1 (408|200) )/);
    await expectReadsAnswered();
  });
});

describe("http.maxConnections", () => {
  test("leaves room for reads beside many idle connections", async ({ server, openIdle, expectReadsAnswered }) => {
    await server.start();
    await Promise.all(Array.from({ length: 300 }, openIdle));
    await expectReadsAnswered();
  });
});

describe("pipelined requests", () => {
  test("are all answered, in their order", async ({ server, open }) => {
    await server.start();
    const names = Array.from({ length: 100 }, (_, index) => `plugin${index}`);
    const socket = open();
    const requests = names.map((name, index) => {
      const last = index === names.length - 1 ? "Connection: close\r\n" : "";
      return `GET /plugins/sinks/${name} HTTP/1.1\r\nHost: x\r\n${last}\r\n`;
    });
    socket.write(requests.join(""));
    const received = await receivedUntilClosed(socket);
    expect(received.match(/^HTTP\/1\.1 404 /gm)).toHaveLength(names.length);
    expect([...received.matchAll(/plugin(\d+) error/g)].map(([, index]) => `plugin${index}`)).toEqual(names);
  });

  test("behind a change wait for it, and do not overtake it", async ({ server, open }) => {
    await server.start();
    const socket = open();
    socket.write(`${POST}Content-Length: 1\r\n\r\n{${GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")}`);
    const statuses = (await receivedUntilClosed(socket)).match(/HTTP\/1\.1 \d+/g);
    expect(statuses).toEqual(["HTTP/1.1 400", "HTTP/1.1 200"]);
  });
});

describe("a head that is too long", () => {
  test.for([
    ["header", `GET /ping HTTP/1.1\r\nHost: x\r\nX-Long: ${"a".repeat(20_000)}\r\n\r\n`],
    ["headers", `GET /ping HTTP/1.1\r\nHost: x\r\n${"X-Many: aaaaaaaaaa\r\n".repeat(1500)}\r\n`],
    ["URL", `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ] as const)("%s: 431", async ([_, head], { server, open, expectReadsAnswered }) => {
    await server.start();
    const socket = open();
    socket.write(head);
    expect(await receivedUntilClosed(socket)).toMatch(
      /^HTTP\/1\.1 431 .*\r\n\r\nthe URL or the headers are too long\n$/s,
    );
    await expectReadsAnswered();
  });
});

test("a body without end is cut off at the limit", async ({ server, open, expectReadsAnswered }) => {
  const limit = 1024 * 1024;
  await server.start({ HTTP__MAXBODYBYTES: String(limit) });
  const socket = open();
  const chunk = Buffer.from(`10000\r\n${" ".repeat(0x10000)}\r\n`);
  const send = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on("drain", send);
  socket.write(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
  send();
  const received = await receivedUntilClosed(socket);
  expect(received).toMatch(/^($|HTTP\/1\.1 413 )/); // a reset can overtake the answer, as we never stop writing
  const refused = expect.objectContaining({ msg: "request", status: 413 });
  await vi.waitFor(() => expect(server.logged).toContainEqual(refused), { timeout: 30_000 });
  // What the kernel buffers comes on top.
  expect(socket.bytesWritten).toBeLessThan(limit + 64 * 1024 * 1024);
  await expectReadsAnswered();
});
