import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { start, startOnTerminal } from "./kit.ts";

/** What becomes of a change whose command is ended, or can't go on, at an awkward moment. The server answers as a test wants. */

const CTRL_C = "\x03";
const JOB = {
  id: "id1",
  action: "install",
  plugin: { type: "sinks", name: "file" },
  state: "running",
  stage: "script",
};

/** A server, and what it is asked: `GET /rules`. */
async function serve(answer: RequestListener) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.on("error", () => {});
    answer(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const nextRequest = () => once(server, "request") as Promise<[IncomingMessage, ServerResponse]>;
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, nextRequest };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

test.for([
  ["remove", "sinks/file", "--yes", "--restart"],
  ["engine", "restart"],
])("ended while the rules are asked for, before the change: %s %s changes nothing", async (args) => {
  const server = await serve(() => {}); // as an engine that hangs
  const isAsked = server.nextRequest();
  const command = start(args, { server: server.url });
  await isAsked;
  command.kill("SIGINT");
  const { status, stderr } = await command.ended;
  expect([status, stderr]).toEqual([130, "kuiper-plugins: ended before anything was changed\n"]);
  expect(server.asked).toEqual(["GET /rules"]);
});

test("a change that can't be followed any more ends the command also while it asks whether it shall go on", async () => {
  let events: ServerResponse | undefined;
  const server = await serve(({ url, method }, response) => {
    if (events?.destroyed)
      return sendJson(response, 401, { error: "UNAUTHENTICATED", message: "the token has expired" });
    if (url?.endsWith("/events")) {
      events = response.writeHead(200, { "content-type": "text/event-stream" });
      return void response.write(`event: progress\ndata: ${JSON.stringify(JOB)}\n\n`);
    }
    sendJson(response, method === "GET" ? 200 : 202, JOB);
  });
  const command = startOnTerminal(["jobs", "id1", "--follow"], { server: server.url });
  await command.prints(/running install\.sh/);
  command.type(CTRL_C);
  await command.prints(/Shall it go on\?/);
  events?.destroy();
  expect((await command.ended).status).toBe(5);
  expect(command.printed).toContain("the token has expired");
});

test("what install.sh prints for hours is not kept in memory", async () => {
  const printed = { text: `${"x".repeat(1023)}\n`.repeat(64) };
  const end = { ...JOB, state: "done", result: { status: 201, body: "" } };
  function* events() {
    for (let count = 0; count < 900; count += 1) yield `event: output\ndata: ${JSON.stringify(printed)}\n\n`;
    yield `event: end\ndata: ${JSON.stringify(end)}\n\n`;
  }
  const server = await serve(({ url }, response) => {
    if (!url?.endsWith("/events")) return sendJson(response, 200, JOB);
    Readable.from(events()).pipe(response.writeHead(200, { "content-type": "text/event-stream" }));
  });
  const env = { NODE_OPTIONS: "--max-old-space-size=32" };
  const command = start(["jobs", "id1", "--follow"], { server: server.url, env });
  command.closeReader("stderr"); // else the test would keep it all
  expect((await command.ended).status).toBe(0);
});

test("ended once more after it was told to cancel: the command does not say that the change goes on", async () => {
  const server = await serve(({ url, method }, response) => {
    if (method === "DELETE") return; // cancelling takes its time
    if (!url?.endsWith("/events")) return sendJson(response, 200, JOB);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`event: progress\ndata: ${JSON.stringify(JOB)}\n\n`);
  });
  const command = startOnTerminal(["jobs", "id1", "--follow"], { server: server.url });
  await command.prints(/running install\.sh/);
  command.type(CTRL_C);
  await command.prints(/Shall it go on\?/);
  command.type("n");
  await command.prints(/cancelling/);
  expect(command.printed).not.toContain("Canceled"); // the progress bar's word, before anything is
  command.type(CTRL_C);
  expect((await command.ended).status).toBe(130);
  expect(command.printed).toMatch(
    /the install of sinks\/file is being cancelled; to follow it: kuiper-plugins jobs id1/,
  );
});
