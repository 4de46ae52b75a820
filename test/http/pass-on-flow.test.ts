import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describe, expect, vi } from "vitest";
import { test } from "../support/fixtures.ts";
import { ask, send } from "../support/http-client.ts";
import { openRequest } from "../support/open-request.ts";
import { RawClients, receivedUntilClosed } from "../support/raw-client.ts";
import { bodyOf, RawEngine } from "../support/raw-engine.ts";
import { stall } from "../support/stall.ts";

/** Bodies and replies are passed on as they come, and whoever goes away ends the other side. */

const MiB = 1024 * 1024;

/** A promise with its resolve. */
function gate<T = void>() {
  let open: (value: T) => void = () => {};
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A reply as it comes, with what a test does to it. */
async function openReply(url: string, options: { method?: string } = {}): Promise<IncomingMessage> {
  const outgoing = request(url, { agent: false, ...options });
  outgoing.on("error", () => {});
  outgoing.end();
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  return incoming;
}

describe("as it flows", () => {
  test("the rest of a body that came during a stall of this process is passed on", async ({ startServer }) => {
    await using engine = await RawEngine.start(async (incoming, response) => {
      response.end(await bodyOf(incoming));
    });
    const server = await startServer({ ENGINE__URL: engine.url, HTTP__REQUESTTIMEOUTSECONDS: "1" });
    const open = openRequest(`${server.url}/ruletest`, { "content-length": "10" });
    await open.write("begun");
    await vi.waitFor(() => expect(engine.requests).toHaveLength(1));
    setImmediate(() => open.end("ended"));
    await stall(1500);
    expect(await open.answer).toMatchObject({ status: 200, text: "begunended" });
  });

  test("events come one by one, and the head before all of them", async ({ startServer }) => {
    const stream = gate<ServerResponse>();
    await using engine = await RawEngine.start((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      stream.open(response);
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const reply = await openReply(`${server.url}/ruletest/1`);
    expect(reply.headers["content-type"]).toBe("text/event-stream");
    const events = await stream.opened;
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      events.write(event);
      expect(String((await once(reply, "data"))[0])).toBe(event);
    }
    events.end();
    await once(reply, "end");
    expect(reply.complete).toBe(true);
  });

  test("a stream of events does not keep the server from stopping", async ({ startServer }) => {
    await using engine = await RawEngine.start((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const reply = await openReply(`${server.url}/ruletest/1`);
    const closed = new Promise((resolve) => reply.once("close", resolve));
    reply.on("error", () => {}).resume();
    await server.stop();
    await closed;
  });

  test("the engine has the first part of a body before the client sends the second", async ({ startServer }) => {
    const first = gate<string>();
    await using engine = await RawEngine.start(async (incoming, response) => {
      let body = "";
      for await (const chunk of incoming) {
        body += chunk;
        first.open(body);
      }
      response.end(body);
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const client = openRequest(`${server.url}/data/import`, { "transfer-encoding": "chunked" });
    await client.write("one ");
    expect(await first.opened).toBe("one ");
    client.end("two");
    expect((await client.answer).text).toBe("one two");
  });

  test("a slow body outlives http.requestTimeoutSeconds as long as it goes on", async ({ startServer }) => {
    await using engine = await RawEngine.start(async (incoming, response) => response.end(await bodyOf(incoming)));
    const server = await startServer({ ENGINE__URL: engine.url, HTTP__REQUESTTIMEOUTSECONDS: "4" });
    const client = openRequest(`${server.url}/data/import`, { "transfer-encoding": "chunked" });
    // Longer in all than the limit, and each pause much shorter: a machine may stall in one.
    for (let count = 0; count < 22; count += 1) {
      await client.write("x");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    client.end();
    expect(await client.answer).toMatchObject({ status: 200, text: "x".repeat(22) });
  });

  test("a body that does not go on is 408, and ends the engine's request", async ({ startServer }) => {
    const gone = gate();
    await using engine = await RawEngine.start((incoming) => incoming.on("error", () => gone.open()));
    const server = await startServer({ ENGINE__URL: engine.url, HTTP__REQUESTTIMEOUTSECONDS: "1" });
    const client = openRequest(`${server.url}/data/import`, { "content-length": "10" });
    await client.write("x");
    const { status, text } = await client.answer;
    expect([status, text]).toEqual([408, expect.stringContaining("http.requestTimeoutSeconds")]);
    await gone.opened;
  });

  test("an early reply comes back before the body's end, and the connection can be used again", async ({
    startServer,
  }) => {
    await using engine = await RawEngine.start(async (incoming, response) => {
      if (incoming.method === "GET") response.end("again");
      else response.writeHead(413).end("too large\n");
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const clients = new RawClients(() => server.url);
    const socket = clients.open().setEncoding("latin1");
    socket.write("POST /data/import HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
    let early = "";
    while (!early.includes("too large\n")) early += (await once(socket, "data"))[0];
    expect(early).toMatch(/^HTTP\/1\.1 413 /);
    socket.write("x".repeat(200_000));
    socket.write("GET /rules HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(await receivedUntilClosed(socket)).toMatch(/HTTP\/1\.1 200 .*again/s);
  });

  test("100 Continue is the engine's to say", async ({ startServer }) => {
    await using engine = await RawEngine.startTcp((socket) => {
      socket.once("data", (head) => {
        if (!/^expect: 100-continue\r$/im.test(String(head))) return socket.destroy();
        socket.write("HTTP/1.1 100 Continue\r\n\r\n");
        return socket.once("data", (body) => {
          socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
        });
      });
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const client = openRequest(`${server.url}/data/import`, { expect: "100-continue", "content-length": "2" });
    await client.continued;
    client.end("hi");
    expect(await client.answer).toMatchObject({ status: 200, text: "hi" });
  });

  test("an engine that refuses a body that was announced is believed, and nothing is sent", async ({ startServer }) => {
    let received = "";
    await using engine = await RawEngine.startTcp((socket) => {
      socket.on("data", (data) => {
        received += data;
        if (received.includes("\r\n\r\n")) socket.end("HTTP/1.1 417 No\r\nContent-Length: 3\r\n\r\nno\n");
      });
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const client = openRequest(`${server.url}/data/import`, { expect: "100-continue", "content-length": "9" });
    expect(await client.answer).toMatchObject({ status: 417, text: "no\n" });
    expect(received).toMatch(/\r\n\r\n$/);
    client.destroy();
  });
});

describe("back-pressure", () => {
  /** What the engine could write before it was told to wait, while the client reads nothing. */
  test("a client that does not read holds the engine back", async ({ startServer }) => {
    const total = 64 * MiB;
    const written = gate<number>();
    await using engine = await RawEngine.start((_request, response) => {
      let bytes = 0;
      const chunk = Buffer.alloc(64 * 1024, "x");
      let idle: NodeJS.Timeout;
      const more = () => {
        clearTimeout(idle);
        let isTaken = true;
        while (isTaken && bytes < total) {
          isTaken = response.write(chunk);
          bytes += chunk.length;
        }
        if (bytes >= total) return response.end();
        idle = setTimeout(() => written.open(bytes), 1000); // it was told to wait, and still is
        return response.once("drain", more);
      };
      more();
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const reply = await openReply(`${server.url}/big`);
    reply.pause();
    expect(await written.opened).toBeLessThan(32 * MiB); // the buffers of four sockets
    let bytes = 0;
    for await (const chunk of reply) bytes += chunk.length;
    expect(bytes).toBe(total);
  });

  test("an engine that does not read holds the client back, without a time limit for it", async ({ startServer }) => {
    const begun = gate<IncomingMessage>();
    await using engine = await RawEngine.start((incoming, response) => {
      incoming.pause();
      begun.open(incoming);
      incoming.once("resume", async () => {
        const body = await bodyOf(incoming);
        response.end(String(body.length));
      });
    });
    const server = await startServer({ ENGINE__URL: engine.url, HTTP__REQUESTTIMEOUTSECONDS: "2" });
    const client = openRequest(`${server.url}/data/import`, { "transfer-encoding": "chunked" });
    const incoming = await begun.opened;
    const chunk = Buffer.alloc(MiB);
    let sent = 0;
    const idle = Symbol("idle");
    for (;;) {
      const wait = new Promise((resolve) => setTimeout(resolve, 2500, idle)); // longer than the limit
      const write = client.write(chunk).then(() => new Promise(setImmediate));
      sent += chunk.length;
      expect(client.isAnswered()).toBe(false);
      if ((await Promise.race([write, wait])) !== idle) continue;
      expect(sent).toBeLessThan(64 * MiB);
      expect(client.isAnswered()).toBe(false);
      incoming.resume();
      await write;
      break;
    }
    client.end();
    expect(await client.answer).toMatchObject({ status: 200, text: String(sent) });
  });
});

describe("an end", () => {
  test.for(["GET", "POST"])("of the client before the reply ends the engine's %s", async (method, { startServer }) => {
    const [begun, gone] = [gate(), gate()];
    await using engine = await RawEngine.start((incoming, response) => {
      response.once("close", () => gone.open());
      incoming.resume();
      begun.open();
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const client = new AbortController();
    const reply = send(`${server.url}/rules`, { method, signal: client.signal });
    await begun.opened;
    client.abort();
    await expect(reply).rejects.toThrow();
    await gone.opened;
    await expect.poll(() => engine.connections).toBe(0);
  });

  test("of the client within its body ends the engine's side, and the engine sees no whole body", async ({
    startServer,
  }) => {
    const gone = gate<boolean>();
    await using engine = await RawEngine.start((incoming) => {
      incoming.on("error", () => {}).on("close", () => gone.open(incoming.complete));
      incoming.resume();
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const client = openRequest(`${server.url}/data/import`, { "transfer-encoding": "chunked" });
    await client.write("half");
    await expect.poll(() => engine.requests.length).toBe(1);
    client.destroy();
    expect(await gone.opened).toBe(false);
  });

  test("of the client within the reply ends the engine's side", async ({ startServer }) => {
    const gone = gate();
    await using engine = await RawEngine.start((_request, response) => {
      response.once("close", () => gone.open());
      response.write("some");
    });
    const server = await startServer({ ENGINE__URL: engine.url });
    const reply = await openReply(`${server.url}/stream`);
    reply.on("error", () => {}).destroy();
    await gone.opened;
  });

  /** When the engine's connection is reset, by what was sent of the reply. */
  const PARTS: readonly (readonly [string, string, string])[] = [
    ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "half"],
    ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nhalf\r\n"],
    ["chunks, within one", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "8\r\nhalf"],
    ["no body yet", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", ""],
  ];

  describe.each(["reset", "end"] as const)("of the engine's connection by a %s", (how) => {
    const stop = (socket: Socket) => void (how === "reset" ? socket.resetAndDestroy() : socket.destroy());

    test.for(PARTS)("within a reply with %s cuts the client's reply off", async ([, head, body], { startServer }) => {
      const sent = gate<Socket>();
      await using engine = await RawEngine.startTcp((socket) => {
        socket.once("data", () => socket.write(head + body, () => sent.open(socket)));
      });
      const server = await startServer({ ENGINE__URL: engine.url });
      const clients = new RawClients(() => server.url);
      const socket = clients.open().setEncoding("latin1");
      socket.write("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
      const received = receivedUntilClosed(socket);
      await once(socket, "data"); // the head, and perhaps more, has come
      stop(await sent.opened);
      const text = await received;
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(text).not.toMatch(/\r\n0\r\n\r\n$/); // not a whole one
      expect(text.length).toBeLessThan(250);
      await expect
        .poll(() => server.logged.some(({ msg }) => String(msg).includes("ended within its reply")))
        .toBe(true);
    });

    test("before a reply is 502", async ({ startServer }) => {
      await using engine = await RawEngine.startTcp((socket) => {
        socket.once("data", () => stop(socket));
      });
      const server = await startServer({ ENGINE__URL: engine.url });
      const [status, text] = await ask(`${server.url}/rules`, { method: "POST", body: "{}" });
      expect([status, text]).toEqual([
        502,
        `the engine at ${engine.url} (engine.url) can't be reached: it ended the connection before it answered\n`,
      ]);
    });
  });
});
