import type { RequestListener } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { RawEngine } from "../support/raw-engine.ts";
import { CONTROLS, run, startOnTerminal } from "./kit.ts";

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
    response.writeHead(body === undefined ? 400 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(body ?? { error: text, message: text }));
  };
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
