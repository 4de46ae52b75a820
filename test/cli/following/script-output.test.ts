import { describe, expect } from "vitest";
import { post } from "../../support/http-client.ts";
import { CONTROLS, startOnTerminal, cliTest as test } from "../kit.ts";

/** What install.sh prints: as it prints it, and afterwards. */

const HOSTILE = "printf 'before \\033]0;owned\\007\\033[2J\\033[31mred\\033[0m \\342\\200\\256after\\r\\nno end'\n";

const names = { type: "sinks", name: "talking" } as const;
const options = ["--type", "sinks", "--name", "talking"];

describe("of an install that is done", () => {
  test("each line is on standard error, after a bar, without anything that a terminal obeys", async ({ cli, host }) => {
    const { status, stdout, stderr } = await cli("install", host.serveZip({ ...names, script: HOSTILE }), ...options);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^running install\.sh\n {2}\| before .*after\n {2}\| no end\n/m);
    expect(stdout + stderr).not.toMatch(CONTROLS);
  });

  test("it is kept, with the job and with the version", async ({ cli, host }) => {
    const url = host.serveZip({ ...names, script: 'echo "it says so"\necho "and more" >&2\n' });
    const { id } = JSON.parse((await cli("install", url, ...options, "--json")).stdout);
    const log = { status: 0, stdout: "it says so\nand more\n", stderr: "" };
    expect(await cli("jobs", id, "--log")).toEqual(log);
    expect(await cli("show", "talking", "--log")).toEqual(log);
    expect(JSON.parse((await cli("show", "talking", "--log", "--json")).stdout)).toEqual({ log: log.stdout });
  });

  test("where there is none, a sentence says so: 4", async ({ cli, host }) => {
    const { id } = JSON.parse((await cli("install", host.serveZip(names), ...options, "--json")).stdout);
    for (const args of [
      ["jobs", id, "--log"],
      ["show", "talking", "--log"],
    ]) {
      const ended = await cli(...args);
      expect(ended).toMatchObject({ status: 4, stdout: "" });
      expect(ended.stderr).toMatch(/^kuiper-plugins: .*install\.sh.*\n$/);
    }
  });
});

test("an install.sh that fails: its status, the end of what it printed, and where the rest is", async ({
  cli,
  host,
}) => {
  const url = host.serveZip({ ...names, script: "echo 'no such device' >&2\nexit 3\n" });
  const { status, stdout, stderr } = await cli("install", url, ...options);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^ {2}\| no such device$/m);
  expect(stderr).toMatch(/install\.sh failed: exit status 3: /);
  const [, id = ""] = /^what install\.sh printed: kuiper-plugins jobs ([\w-]+) --log$/m.exec(stderr) ?? [];
  expect((await cli("jobs", id, "--log")).stdout).toBe("no such device\n");
});

test("on a terminal it is above the bar, and harmless", async ({ server, host }) => {
  const command = startOnTerminal(["install", host.serveZip({ ...names, script: HOSTILE }), ...options], {
    server: server.url,
  });
  expect((await command.ended).status).toBe(0);
  expect(command.printed).toMatch(/before .*after\r?\n/);
  expect(command.printed).toContain("no end");
  for (const sequence of ["\x1b]0;", "\x1b[2J", "\x1b[31mred", "\u202e"])
    expect(command.printed).not.toContain(sequence);
  expect(command.printed).toContain("sinks plugin talking is created");
});

test("a log of a job that was made without this command can be read", async ({ cli, server, host }) => {
  await post(`${server.url}/plugins/sinks`, { name: "talking", file: host.serveZip({ ...names, script: "echo 1\n" }) });
  const [job] = JSON.parse((await cli("jobs", "--json")).stdout);
  expect((await cli("jobs", job.id, "--log")).stdout).toBe("1\n");
});
