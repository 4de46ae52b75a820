import { describe, expect } from "vitest";
import { RULE_FAILS } from "../support/engine-stand-in.ts";
import { inFrontTest } from "../support/in-front.ts";
import { run, startOnTerminal } from "./kit.ts";

const test = inFrontTest("2.1.0", {
  ENGINE__RESTART: "stop",
  ENGINE__SETTLESECONDS: "0.1",
  ENGINE__RESTARTTIMEOUTSECONDS: "20",
}).extend(
  "cli",
  ({ server }) =>
    (...args: string[]) =>
      run(args, { server: server.url }),
);

test.beforeEach(async ({ start, engine, install, restartEngine, get }) => {
  await start();
  await install({ type: "sources", name: "random" });
  await restartEngine();
  await expect.poll(async () => (await get("/engine")).pending).toEqual([]); // the new process was noticed
  engine.streams.push({ name: "demo", type: "random" });
  engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
});

test("engine status: the engine, its rules, and what waits", async ({ cli, engine, update }) => {
  expect((await cli("engine", "status")).stdout).toContain("waiting     nothing waits for a restart\n");
  await update({ type: "sources", name: "random", version: "2.0.0" });
  const { status, stdout } = await cli("engine", "status");
  expect(status).toBe(0);
  expect(stdout).toContain(`engine      ${engine.url}\nstate       runs, version 2.1.0, for `);
  expect(stdout).toMatch(/^waiting {5}1 change for a restart\n {12}update of sources\/random, .+$/m);
  expect(stdout).toMatch(/^RULE {3}STATE\nrule1 {2}running$/m);
  expect(JSON.parse((await cli("engine", "status", "--json")).stdout)).toMatchObject({
    rules: { rule1: "running" },
    pending: [{}],
  });
});

describe("a restart shows the rules before and after", () => {
  test("engine restart", async ({ cli, engine }) => {
    const starts = engine.starts;
    const { status, stdout } = await cli("engine", "restart");
    expect([status, engine.starts]).toEqual([0, starts + 1]);
    expect(stdout).toMatch(
      /^the engine is restarted, and nothing is worse than before\n\nRULE {3}BEFORE {3}AFTER\nrule1 {2}running {2}running\n/,
    );
  });

  test("update --restart that makes a rule fail: it is undone, and ends with 9", async ({ cli, host }) => {
    const bad = { type: "sources", name: "random", version: "2.0.0", soContent: `${RULE_FAILS} boom` } as const;
    const args = ["update", host.serveZip(bad), "--type", "sources", "--name", "random", "--restart"];
    const { status, stdout } = await cli(...args);
    expect(stdout).toMatch(/its changes were undone/);
    expect(stdout).toMatch(/^ {2}rule rule1: /m);
    expect(stdout).toMatch(/^ {2}undone: sources\/random, 1\.0\.0 to 2\.0\.0$/m);
    expect(status).toBe(9);
    expect(JSON.parse((await cli("show", "random", "--json")).stdout).version).toBe("1.0.0");
  });

  test("remove --restart --json is one document", async ({ cli, install }) => {
    await install({ type: "sinks", name: "file" });
    const { status, stdout } = await cli("remove", "file", "--yes", "--restart", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      action: "delete",
      restart: {
        action: "restart",
        state: "done",
        rules: { before: { rule1: "running" }, after: { rule1: "running" } },
      },
    });
    expect(status).toBe(0);
  });
});

test("remove names the rules on a terminal", async ({ server }) => {
  const command = startOnTerminal(["remove", "random"], { server: server.url, columns: 200 });
  await command.prints(/Delete sources\/random with its kept versions\? It is used by the rule rule1\./);
  command.type("n");
  expect((await command.ended).status).toBe(1);
});

test("a plugin that rules use is protected: 7, and --force", async ({ cli, server, engine }) => {
  await server.start({ ENGINE__URL: engine.url, ENGINE__ACTIVATE: "false", ENGINE__PROTECTUSED: "true" });
  const refused = await cli("remove", "random", "--yes");
  expect(refused).toMatchObject({ status: 7, stderr: expect.stringContaining("rule1") });
  const forced = await cli("remove", "random", "--yes", "--force");
  expect(forced).toMatchObject({ status: 0, stdout: expect.stringContaining('used by the rules "rule1"') });
});
