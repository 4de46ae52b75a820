import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, vi } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";
import { openRequest } from "../support/open-request.ts";
import { pluginZip } from "../support/plugin-zip.ts";

/** Answers that are there before the body is: the client gets them, and is not sent a reset in their place. */

const MiB = 1024 * 1024;
const ZIP = { "content-type": "application/zip" };

const test = serverTest({ UPLOADS__MAXBYTES: String(100 * MiB) })
  .extend("open", ({ server }) => (): Socket => {
    return connect(Number(new URL(server.url).port), "127.0.0.1");
  })
  /** Everything that comes back to a client that does not look for an answer before it has sent its body. */
  .extend("sendThenRead", ({ open }) => async (head: string, body: readonly (string | Buffer)[]): Promise<string> => {
    const socket = open();
    socket.pause();
    for (const piece of [head, ...body]) {
      await new Promise<void>((resolve, reject) => socket.write(piece, (error) => (error ? reject(error) : resolve())));
    }
    return received(socket);
  });

/** What ways there are to be refused while the body is still coming. */
const REFUSED: readonly [what: string, path: string, headers: Record<string, string>, status: number][] = [
  ["a name", "/plugins/sinks?name=Wrong", ZIP, 400],
  ["a name, known late", "/plugins/sinks?name=Wrong", {}, 400],
  ["a length", "/plugins/sinks?name=right", { ...ZIP, "content-length": String(101 * MiB) }, 413],
  ["a form that is none", "/plugins/sinks", { "content-type": "multipart/form-data; boundary=x" }, 413],
  ["JSON that is too large", "/plugins/sinks", { "content-type": "application/json" }, 413],
  ["a body for nothing", "/", {}, 413],
  ["another site", "/plugins/sinks", { origin: "https://evil.example" }, 403],
  ["a URL that can't be decoded", "/plugins/%ff", {}, 400],
];

/** The beginning of a body that leads to the refusal. */
const bodyFor = (what: string) => (what === "a name, known late" ? "PK\x03\x04" : "----");

describe("the answer reaches a client that sends 14 MiB and only then reads", () => {
  const refused = REFUSED.filter(([what]) => what !== "a length" && what !== "a form that is none");
  const ways = refused.flatMap((row) => [[...row, "of announced length"] as const, [...row, "in chunks"] as const]);
  test.for(ways)("%s (%s, %j, %i), %s", async ([what, path, headers, status, way], { sendThenRead }) => {
    const length = 14 * MiB;
    const bytes = Buffer.alloc(length, bodyFor(what));
    const isChunked = way === "in chunks";
    const body = isChunked ? [`${length.toString(16)}\r\n`, bytes, "\r\n0\r\n\r\n"] : [bytes];
    const extent = isChunked ? { "transfer-encoding": "chunked" } : { "content-length": String(length) };
    const text = await sendThenRead(headOf(path, { ...headers, ...extent }), body);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).toMatch(/\r\nconnection: close\r\n/i);
    expect(text).toMatch(/\r\n\r\n[^\n]+\n$/);
  });
});

describe("a client that sends for ever is cut off", () => {
  test.for(REFUSED)("%s", async ([what, path, headers, status], { open }) => {
    const socket = open();
    socket.on("error", () => {}); // it is cut off while it sends
    const length = "content-length" in headers ? {} : { "content-length": String(100 * MiB) };
    const isForm = what === "a form that is none"; // what is read of it counts as well
    socket.write(headOf(path, { ...headers, ...(isForm ? { "transfer-encoding": "chunked" } : length) }));
    const bytes = Buffer.alloc(MiB / 4, bodyFor(what));
    const chunk = isForm ? Buffer.concat([Buffer.from("40000\r\n"), bytes, Buffer.from("\r\n")]) : bytes;
    const pump = () => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on("drain", pump);
    pump();
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
    const most = isForm ? 102 : 0;
    expect(socket.bytesWritten / MiB).toBeLessThan(most + 16 + 64); // 64 for what the kernel holds
  });
});

test("a refusal is JSON for a client that asks for JSON", async ({ server }) => {
  const headers = { ...ZIP, accept: "application/json" };
  const path = "/plugins/sinks?name=Wrong";
  const answer = await send(server.url + path, { method: "POST", headers, body: Buffer.alloc(8 * MiB) });
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(JSON.parse(answer.text)).toMatchObject({ error: "NAME_INVALID" });
});

test("the request is logged, also of a client that hangs up on the answer", async ({ server }) => {
  const request = openRequest(`${server.url}/plugins/sinks?name=Wrong`, ZIP);
  await request.write(Buffer.alloc(MiB));
  expect((await request.answer).status).toBe(400);
  request.destroy();
  const line = expect.objectContaining({ msg: "request", status: 400, method: "POST" });
  await vi.waitFor(() => expect(server.logged).toContainEqual(line), { timeout: 30_000 });
  expect(server.logged.filter(({ msg }) => msg === "request")).toHaveLength(1);
});

describe("a connection on which a small body was refused is used again", () => {
  test.for(REFUSED.filter(([what]) => what === "another site" || what === "a URL that can't be decoded"))(
    "for %s",
    async ([_, path, headers, status], { open }) => {
      const socket = open();
      const post = headOf(path, { ...headers, "content-length": "2" });
      socket.write(`${post}{}GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect((await received(socket)).match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, "HTTP/1.1 200"]);
    },
  );
});

describe("Expect: 100-continue", () => {
  const EXPECT = { expect: "100-continue" };

  test.for(
    REFUSED.filter(([what]) => ["a name", "a length", "another site", "a URL that can't be decoded"].includes(what)),
  )("who is refused anyway is not asked for the body: %s", async ([_, path, headers, status], { server }) => {
    const request = openRequest(server.url + path, { "content-length": String(MiB), ...headers, ...EXPECT });
    let isContinued = false;
    void request.continued.then(() => {
      isContinued = true;
    });
    const answer = await request.answer;
    expect([answer.status, answer.headers.connection, isContinued]).toEqual([status, "close", false]);
  });

  test.for([
    ["a zip", "/plugins/sinks?name=asked", ZIP, 201],
    ["a zip of no announced type", "/plugins/sinks?name=asked", {}, 201],
    ["a body that is refused later", "/plugins/sinks?name=Wrong", {}, 400],
    ["a body for nothing", "/", {}, 200],
  ] as const)("a body that may be accepted is asked for: %s", async ([_, path, headers, status], { server }) => {
    const zip = pluginZip({ type: "sinks", name: "asked" });
    const request = openRequest(server.url + path, { ...headers, ...EXPECT, "content-length": String(zip.length) });
    await request.continued;
    request.end(zip);
    expect((await request.answer).status).toBe(status);
  });

  test("a path that takes no body is answered without", async ({ open }) => {
    const socket = open();
    socket.write("GET /ping HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const text = await received(socket);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toMatch(/\r\nconnection: close\r\n/i);
  });

  test("the connection can be used again after the body", async ({ open }) => {
    const socket = open();
    socket.write("POST /plugins/sinks HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 100 Continue\r\n/);
    socket.write("{}GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect((await received(socket)).match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 400", "HTTP/1.1 200"]);
  });
});

function headOf(path: string, headers: Record<string, string>): string {
  const lines = Object.entries({ host: "127.0.0.1", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

async function received(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}
