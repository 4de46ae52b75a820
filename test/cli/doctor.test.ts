import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { CHECKS } from "../../src/doctor/checks.ts";
import { GROUPS } from "../../src/doctor/finding.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startTestServer } from "../support/test-server.ts";
import { run } from "./kit.ts";

let base: string;
beforeEach(async () => {
  base = await tempFolder();
});

/** The built command. Plugin hosts are not asked, nothing is compared, no script runs: nothing is left that could warn. */
function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const quiet = {
    KUIPER__BASIC__RESTPORT: "0",
    KUIPER__BASIC__PLUGINHOSTS: "",
    KUIPER__ENGINE__VERIFY: "off",
    KUIPER__INSTALLSCRIPT__ENABLED: "false",
    KUIPER__PLUGINPACKAGE__MAXTOTALBYTES: "1024",
    KUIPER__PLUGINDOWNLOAD__MAXBYTES: "1024",
    KUIPER__PLUGINPACKAGE__MAXENTRIES: "1",
  };
  return run(["doctor", ...args], { env: { ...quiet, ...env } });
}

/** A file system that lasts: tests work in memory, about which there is a warning. */
const onDisk = (findings: readonly { check: string; state: string }[]) =>
  findings.filter(({ check, state }) => check !== "file-systems" && state !== "ok" && state !== "skipped");

test("the report has each group, says what to do, and repeats at its end what fails", async () => {
  await mkdir(join(base, "etc"));
  await writeFile(join(base, "etc/kuiper.yaml"), "basic:\n  restPrt: 9081\n");
  await mkdir(join(base, "plugins"));
  await writeFile(join(base, "plugins/sources"), "");
  const { status, stdout, stderr } = await doctor(["--base", base]);
  expect([status, stderr]).toEqual([1, ""]);
  for (const group of GROUPS) expect(stdout).toMatch(new RegExp(`^${group}$`, "m"));
  expect(stdout).toContain(
    "  WARN  settings: kuiper.yaml has a key that nothing reads: basic.restPrt\n        -> it may mean basic.restPort, or remove it\n",
  );
  const failure = `  FAIL  folders: ${base}/plugins/sources is no folder\n        -> move it away\n`;
  expect(stdout.split(failure)).toHaveLength(3);
  expect(stdout).toMatch(/\n\d+ failures? and \d+ warnings? in .*\. What fails:\n/);
});

test("JSON has the same, and the exit status", async () => {
  const { status, stdout } = await doctor(["--base", base, "--json"]);
  const { findings, ...summary } = JSON.parse(stdout);
  expect(summary).toEqual({ base, version: expect.stringMatching(/^\d+\.\d+/), status });
  expect([...new Set(findings.map(({ check }: { check: string }) => check))]).toEqual(CHECKS.map(({ id }) => id));
  for (const { state, message, advice } of findings) {
    expect(message).not.toContain("\n");
    expect(typeof advice).toBe(state === "ok" || state === "skipped" ? "undefined" : "string");
  }
});

test("the exit status: 0, 2 for warnings alone, 1 for failures", async () => {
  const server = await startTestServer();
  await server.stop();
  const { status, stdout } = await doctor(["--base", server.base, "--json"]);
  expect(onDisk(JSON.parse(stdout).findings)).toEqual([]);
  expect([0, 2]).toContain(status); // 2 where the tests' folder is in memory
  expect((await doctor(["--base", server.base], { KUIPER__BASIC__NONSENSE: "1" })).status).toBe(2);
  expect((await doctor(["--base", join(server.base, "nowhere")])).status).toBe(1);
  await server.dispose();
});

test("the base folder is that of the server's variable; one with a quote at one end is refused", async () => {
  expect(JSON.parse((await doctor(["--json"], { KuiperBaseKey: `"${base}"` })).stdout).base).toBe(base);
  const { status, stderr } = await doctor([], { KuiperBaseKey: `"${base}` });
  expect([status, stderr]).toEqual([
    3,
    expect.stringMatching(/^kuiper-plugins: environment variable KuiperBaseKey is .*\n$/),
  ]);
});
