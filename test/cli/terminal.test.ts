import { describe, expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { ask, post } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { gatedInstall, startOnTerminal } from "./kit.ts";

/** On a pseudo-terminal of `script`: what a person sees and types. */

const CTRL_C = "\x03";
const CONTROLS = /\p{Cc}/u;

const test = serverTest().extend("installing", async ({ server, host, gate }) => {
  return async () => {
    const command = startOnTerminal(gatedInstall(host, gate), { server: server.url });
    await gate.started;
    await command.prints(/running install\.sh/);
    return command;
  };
});

describe("Ctrl-C asks whether the change shall go on", () => {
  const QUESTION = /install of sinks\/gated is in progress\. Shall it go on\?/;

  test("yes: it goes on without us", async ({ installing, gate, server }) => {
    const command = await installing();
    command.type(CTRL_C);
    await command.prints(QUESTION);
    command.type("y");
    const { status } = await command.ended;
    expect(status).toBe(130);
    expect(command.printed).toMatch(/goes on; to follow it: kuiper-plugins jobs [\w-]+ --follow/);
    const [job] = JSON.parse((await ask(`${server.url}/jobs?state=running`))[1]);
    gate.release();
    await expect.poll(async () => (await ask(`${server.url}/jobs/${job.id}`))[1]).toContain('"state":"done"');
  });

  test("no: it is cancelled, and the end is waited for", async ({ installing, server }) => {
    const command = await installing();
    command.type(CTRL_C);
    await command.prints(QUESTION);
    command.type("n");
    expect((await command.ended).status).toBe(8);
    expect(command.printed).toMatch(/the install was cancelled/);
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
  });

  test("a second one ends at once", async ({ installing, gate }) => {
    const command = await installing();
    command.type(CTRL_C);
    await command.prints(QUESTION);
    command.type(CTRL_C);
    expect((await command.ended).status).toBe(130);
    gate.release();
  });

  test("a change that ends meanwhile needs no answer", async ({ installing, gate }) => {
    const command = await installing();
    command.type(CTRL_C);
    await command.prints(QUESTION);
    gate.release();
    expect((await command.ended).status).toBe(0);
    expect(command.printed).toContain("sinks plugin gated is created");
  });
});

describe("remove asks", () => {
  test.beforeEach(async ({ server, host }) => {
    const body = { name: "file", file: host.serveZip({ type: "sinks", name: "file" }) };
    await post(`${server.url}/plugins/sinks`, body);
  });

  test.for([
    ["y", 0, "[]"],
    ["n", 1, '["file"]'],
    [CTRL_C, 130, '["file"]'],
  ] as const)("%j", async ([answer, status, left], { server }) => {
    const command = startOnTerminal(["remove", "file"], { server: server.url });
    await command.prints(/Delete sinks\/file with its kept versions\?/);
    command.type(answer);
    expect((await command.ended).status).toBe(status);
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, left]);
  });
});

test("a zip is sent with a bar", async ({ server, folder }) => {
  await writePluginZip(folder, { type: "sources", name: "random" });
  const command = startOnTerminal(["install", "random.zip"], { server: server.url, cwd: folder });
  expect((await command.ended).status).toBe(0);
  expect(command.printed).toContain("sources plugin random is created");
});

test("a table fits the terminal, and is coloured unless NO_COLOR says no", async ({ server, host }) => {
  const body = { name: "file", file: host.serveZip({ type: "sinks", name: "file" }) };
  await post(`${server.url}/plugins/sinks`, body);
  const list = async (env: Record<string, string>) => {
    const command = startOnTerminal(["list"], { server: server.url, columns: 60, env });
    expect((await command.ended).status).toBe(0);
    return command.printed.trimEnd().split("\r\n");
  };
  const plain = await list({ NO_COLOR: "1" });
  expect(plain).toHaveLength(2);
  for (const line of plain) {
    expect(line.length).toBeLessThanOrEqual(60);
    expect(line).not.toMatch(CONTROLS);
  }
  expect((await list({}))[1]).toContain("\x1b[33munknown\x1b[0m");
});
