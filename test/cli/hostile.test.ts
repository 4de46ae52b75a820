import type { RequestListener, ServerResponse } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { RawEngine } from "../support/raw-engine.ts";
import { CONTROLS, run, start, startOnTerminal } from "./kit.ts";

/** Whatever answers in the place of the server has no power over the terminal, and can't flood it. */

const NASTY = "\x1b]0;owned\x07\x1b[2J\x1b[31mname\r\u0085\u202e\u2066x\u{e0041}\u2028";
const LONG = `${NASTY}${"long ".repeat(210_000)}`;

/** Every field that some command prints, with the same text in all of them. */
function answerOf(text: string) {
  const result = { status: 400, error: "NAME_INVALID", message: text };
  const job = { id: "id1", action: text, plugin: { type: text, name: text }, state: "failed", stage: text, result };
  const plugin = {
    ...{ type: text, name: text, version: text, origin: text, installedAt: text, verdict: text, engine: text },
    ...{ engineReason: text, reason: text, functions: [text], unregistered: [text], files: [{ path: text }] },
    compatibility: { verdict: text, problems: [{ code: text, message: text, packages: [text] }] },
    usedBy: { rules: [text], streams: [text] },
    signature: { state: "verified", by: text },
  };
  const bodies: Record<string, unknown> = {
    "/plugins": [plugin],
    "/plugins/sinks/file": plugin,
    "/plugins/sinks/file/versions": [{ id: text, version: text, current: true }],
    "/plugins/sinks/prebuild?details=1": { plugins: [plugin], failed: [{ host: text, reason: text }] },
    "/jobs": [job],
    "/jobs/id1": job,
    "/jobs/id1/log": text,
    "/engine": { url: text, reachable: true, version: text, upTimeSeconds: text, restart: text, pending: [plugin] },
    "/rules": [{ id: text, status: text }],
  };
  return (url: string) => bodies[url];
}

async function hostileServer(text: string): Promise<string> {
  const answer = answerOf(text);
  const reply: RequestListener = (request, response) => {
    const body = request.method === "GET" ? answer(request.url ?? "") : undefined;
    const isLog = typeof body === "string"; // the only answer that is text
    response.writeHead(body === undefined ? 400 : 200, { "content-type": isLog ? "text/plain" : "application/json" });
    response.end(isLog ? body : JSON.stringify(body ?? { error: text, message: text }));
  };
  return serve(reply);
}

async function serve(reply: RequestListener): Promise<string> {
  const server = await RawEngine.start(reply, { own: true });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server.url;
}

const COMMANDS = [
  "list",
  "show sinks/file",
  "show sinks/file --log",
  "available --type sinks",
  "jobs",
  "jobs id1",
  "jobs id1 --follow",
  "jobs id1 --log",
  "engine status",
  "install http://127.0.0.1:1/x.zip --type sinks --name file",
  "remove sinks/file --yes",
].map((line) => line.split(" "));

describe("text of the server's is no control", () => {
  test.for(COMMANDS)("%s %s %s", async (args) => {
    const server = await hostileServer(NASTY);
    for (const more of [[], ["--json"]]) {
      const { stdout, stderr } = await run([...args, ...more], { server });
      expect(stdout + stderr).toContain("name");
      expect(stdout + stderr).not.toMatch(CONTROLS);
    }
  });

  test.for(COMMANDS)("on a terminal: %s %s %s", async (args) => {
    const server = await hostileServer(NASTY);
    const command = startOnTerminal(args, { server, env: { NO_COLOR: "1" } });
    await command.ended;
    for (const sequence of ["\x1b]0;", "\x1b[2J", "\x1b[31m", "\u0085", "\u202e", "\u2028"]) {
      expect(command.printed).not.toContain(sequence);
    }
  });
});

/** Of what people read: some screens. A log is as long as it is, and what is not for a terminal has everything. */
const MOST = 400_000;

test.for(COMMANDS.filter((args) => !args.includes("--log")))("megabytes are cut: %s %s %s", async (args) => {
  const command = startOnTerminal(args, { server: await hostileServer(LONG), env: { NO_COLOR: "1" } });
  await command.ended;
  expect(command.printed.length).toBeLessThan(MOST);
  expect(command.printed).toContain("…");
});

test("fields that are no text end in a sentence or are shown, never with a stack", async () => {
  const odd = { length: -1, percent: [] } as unknown as string;
  const server = await hostileServer(odd);
  for (const args of COMMANDS) {
    const { stdout, stderr } = await run(args, { server });
    expect(`${args}: ${stdout}${stderr}`).not.toMatch(/^ {4}at /m);
  }
});

/** Every command, and forms that ask something else first. */
const ALL = [
  ...COMMANDS,
  ...["show file", "available", "jobs id1 --cancel", "engine restart", "install http://127.0.0.1:1/x.zip"],
  ...["install file", "update http://127.0.0.1:1/x.zip --type sinks --name file", "rollback sinks/file"],
].map((line) => (typeof line === "string" ? line.split(" ") : line));

describe("what is no answer of a plugin server is no success", () => {
  const html = ["text/html", "<html>Please log in</html>"] as const;
  const bodies = { html, "an empty object": ["application/json", "{}"], null: ["application/json", "null"] } as const;

  test.for(Object.keys(bodies) as (keyof typeof bodies)[])("%s", async (kind) => {
    const [type, body] = bodies[kind];
    const server = await serve((_, response) => response.writeHead(200, { "content-type": type }).end(body));
    for (const args of ALL) {
      // A listing without plugins is an empty object, and a name that it has not is not found.
      if (kind === "an empty object" && ["available", "install file"].some((one) => args.join(" ").startsWith(one)))
        continue;
      if (kind === "an empty object" && args.join(" ") === "install http://127.0.0.1:1/x.zip") continue; // usage
      const { status, stdout, stderr } = await run(args, { server });
      expect(`${args}: ${status} ${stdout}${stderr.slice(0, 2000)}`).toMatch(/: 3 .*is no /s);
    }
  });

  test.for([
    ["jobs", [{ id: "a", action: "install", state: "done", plugin: null }]],
    ["jobs", [{ id: "a", action: "install", state: "done", plugin: { type: {}, name: [] } }]],
    ["jobs", [{ id: "a", action: "install", state: "done", result: null }]],
    ["jobs", [{ id: "a", action: "install", state: "done", result: { message: 5 } }]],
    ["list", [{ type: "sinks", name: { toString: 1 } }]],
    ["engine status", { url: "http://x", reachable: true, version: { valueOf: {}, toString: 1 } }],
  ] as const)("%s: %j", async ([line, body]) => {
    const server = await serve((_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body)),
    );
    expect(await run(line.split(" "), { server })).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("is no "),
    });
  });

  test("nor are lists that are deeper than a program can print", async () => {
    const deep = `[{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}]`;
    const server = await serve((_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end(deep),
    );
    expect(await run(["list", "--json"], { server })).toMatchObject({ status: 3 });
  });
});

/** Answers with a job that runs at first and then is done, and with `events` of it. */
function jobServer(events: (response: ServerResponse) => void): RequestListener {
  let asked = 0;
  return (request, response) => {
    if (request.url?.endsWith("/events"))
      return events(response.writeHead(200, { "content-type": "text/event-stream" }));
    asked += 1;
    const job = { id: "id1", action: "install", stage: "script", state: asked === 1 ? "running" : "done" };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(job));
  };
}

test("an event without end is given up, and the job asked for", async () => {
  const server = await serve(
    jobServer((response) => {
      response.on("error", () => {});
      response.write("data: ");
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(64 * 1024)));
      };
      response.on("drain", more);
      more();
    }),
  );
  expect(await run(["jobs", "id1", "--follow"], { server })).toMatchObject({ status: 0 });
});

test("a line that install.sh does not end is shown in pieces", async () => {
  let sent: ServerResponse | undefined;
  const server = await serve(
    jobServer((response) => {
      sent = response;
      for (let count = 0; count < 5; count += 1)
        response.write(`event: output\ndata: {"text":"${".".repeat(4096)}"}\n\n`);
    }),
  );
  const command = start(["jobs", "id1", "--follow"], { server });
  await command.prints(/ {2}\| \.{16384}/); // the job is still running
  sent?.end();
  expect(await command.ended).toMatchObject({ status: 0 });
});
