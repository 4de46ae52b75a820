import { expect } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { run } from "./kit.ts";

const FOLDER = "/kuiper-plugins/1.0.2/debian";

const test = stoppedServerTest.extend("cli", ({ server, host }) => async (...args: string[]) => {
  host.serve(`${FOLDER}/sources/`, Buffer.from('<a href="random_amd64.zip">x</a><a href="both_amd64.zip">x</a>'));
  host.serve(`${FOLDER}/sinks/`, Buffer.from('<a href="both_amd64.zip">x</a>'));
  host.serve(`${FOLDER}/functions/`, Buffer.from("nothing"));
  host.serve(`${FOLDER}/sources/random_amd64.zip`, pluginZip({ type: "sources", name: "random" }));
  const dead = "http://127.0.0.1:1";
  const settings = { PREBUILD__OS: "debian", PREBUILD__ARCH: "amd64", BASIC__PLUGINHOSTS: `${dead}, ${host.origin}` };
  await server.start(settings);
  return run(args, { server: server.url });
});

test("available: what the hosts offer, and by name those that failed", async ({ cli, host }) => {
  const { status, stdout, stderr } = await cli("available");
  expect(status).toBe(0);
  expect(stdout.split("\n")[0]).toMatch(/^TYPE +NAME .*URL$/);
  expect(stdout).toMatch(new RegExp(`^sources +random .*${host.origin}${FOLDER}/sources/random_amd64\\.zip$`, "m"));
  expect(stdout).toMatch(/^sinks +both /m);
  expect(stderr).toMatch(/127\.0\.0\.1:1 did not answer/);
  expect(stderr.match(/127\.0\.0\.1:1/g)).toHaveLength(1);
});

test("available --json", async ({ cli }) => {
  const { plugins, failed } = JSON.parse((await cli("available", "--type", "sources", "--json")).stdout);
  expect(plugins).toMatchObject([
    { type: "sources", name: "both" },
    { type: "sources", name: "random", installed: null },
  ]);
  expect(failed).toHaveLength(1);
});

test("a name in it is installed", async ({ cli }) => {
  expect(await cli("install", "random")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("plugin random is created"),
  });
});

test("a name of two types is not guessed", async ({ cli }) => {
  const { status, stderr } = await cli("install", "both");
  expect([status, stderr]).toEqual([2, "kuiper-plugins: the catalogue has sources/both and sinks/both: name one\n"]);
});

test("a name that nobody offers", async ({ cli }) => {
  const sentence = "other is no URL, no file, and not in the catalogue; kuiper-plugins available shows what is";
  expect(await cli("install", "other")).toEqual({ status: 4, stdout: "", stderr: `kuiper-plugins: ${sentence}\n` });
});
