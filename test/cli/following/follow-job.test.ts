import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { follow } from "../../support/event-client.ts";
import { processTest } from "../../support/fixtures.ts";
import { ask, post } from "../../support/http-client.ts";
import { gatedInstall, run, start } from "../kit.ts";
import { Relay } from "./relay.ts";

/** A change is followed to its end, whatever becomes of connections and of the server meanwhile. */

const SCRIPT = 'echo "first line"\necho started > "$1"\nread -r _ < "$2"\necho "last line"\n';

const test = processTest.extend("install", ({ host, gate }) => (server: string, ...more: string[]) => {
  return start([...gatedInstall(host, gate, SCRIPT), ...more], { server });
});

const times = (text: string, what: string) => text.split(what).length - 1;

test("a connection that breaks is made again, and nothing is printed twice", async ({ server, gate, install }) => {
  const relay = await Relay.to(await server.start());
  const command = install(relay.url);
  await gate.started;
  await command.prints(/\| first line\n/);
  relay.cut();
  await relay.asked(/GET \/jobs\/[\w-]+\/events/, 2);
  gate.release();
  const { status, stdout, stderr } = await command.ended;
  expect([status, stdout]).toEqual([0, expect.stringContaining("sinks plugin gated is created\n")]);
  for (const line of ["| first line", "| last line", "running install.sh"]) expect(times(stderr, line)).toBe(1);
});

test("a server that is killed and started again has cut the change off: 8, in a sentence", async ({
  server,
  gate,
  install,
}) => {
  const relay = await Relay.to(await server.start());
  const command = install(relay.url);
  await gate.started;
  await command.prints(/\| first line\n/);
  const record = join(server.base, "plugins/.jobs/jobs.jsonl");
  await expect.poll(() => readFile(record, "utf8").catch(() => "")).toContain('"stage":"script"');
  relay.leadTo(await server.start()); // kills the one before
  const { status, stdout, stderr } = await command.ended;
  expect([status, stdout]).toEqual([8, ""]);
  expect(stderr).toMatch(/\nkuiper-plugins: [^\n]*the server (ended|was ended|stopped)[^\n]*\n$/);
  expect(times(stderr, "| first line")).toBe(1);
  expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
});

test("a server that ends in order says so, too; --json has the job", async ({ server, gate, install }) => {
  const relay = await Relay.to(await server.start({ settings: { CHANGES__SHUTDOWNTIMEOUTSECONDS: "1" } }));
  const command = install(relay.url, "--json");
  await gate.started;
  await command.prints(/\| first line\n/);
  server.process.kill("SIGTERM");
  await server.process.exited;
  relay.leadTo(await server.start());
  const { status, stdout, stderr } = await command.ended;
  expect(status).toBe(8);
  expect(stderr).toMatch(/\nkuiper-plugins: [^\n]*the server is shutting down; try again when it is back\n/);
  expect(JSON.parse(stdout)).toMatchObject({
    action: "install",
    state: "interrupted",
    result: { error: "SHUTTING_DOWN" },
  });
});

test("where events are refused the job is asked for, and what install.sh prints is shown all the same", async ({
  server,
  host,
  gate,
}) => {
  const url = await server.start({ settings: { JOBS__MAXWATCHERS: "1" } });
  const relay = await Relay.to(url);
  const file = host.serveZip({ type: "sinks", name: "gated", script: SCRIPT });
  const body = { name: "gated", file, shellParas: gate.args };
  const pending = post(`${url}/plugins/sinks`, body);
  await gate.started;
  const [job] = JSON.parse((await ask(`${url}/jobs?state=running`))[1]);
  const other = await follow(`${url}/jobs/${job.id}/events`);
  const command = start(["jobs", job.id, "--follow"], { server: relay.url });
  await command.prints(/\| first line\n/);
  await relay.asked(/GET \/jobs\/[\w-]+\/events/, 2);
  gate.release();
  const { status, stdout, stderr } = await command.ended;
  other.leave();
  await pending;
  expect([status, stdout]).toEqual([0, expect.stringContaining("sinks plugin gated is created\n")]);
  for (const line of ["| first line", "| last line", "running install.sh"]) expect(times(stderr, line)).toBe(1);
});

test("a job that nobody knows any more: 4", async ({ server }) => {
  const url = await server.start();
  const id = "00000000-0000-4000-8000-000000000000";
  const ended = await run(["jobs", id, "--follow"], { server: url });
  expect(ended).toMatchObject({ status: 4, stdout: "" });
  expect(ended.stderr).toContain(id);
});
