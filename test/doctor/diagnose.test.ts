import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { CHECKS } from "../../src/doctor/checks.ts";
import { ok } from "../../src/doctor/finding.ts";
import { withinTime } from "../../src/doctor/within-time.ts";
import { examine } from "../support/doctor.ts";
import { post, send } from "../support/http-client.ts";
import { RawEngine } from "../support/raw-engine.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startTestServer } from "../support/test-server.ts";
import { startZipHost } from "../support/zip-host.ts";

/** All that a write would change: what is there, modes, owners, and the times of content and of anything else. */
/** Without the record of jobs, into which the server writes what was done before. */
async function traces(folder: string): Promise<Record<string, string>> {
  const all = ["", ...(await readdir(folder, { recursive: true }))].sort();
  const names = all.filter((name) => !name.includes(".jobs"));
  const pairs = names.map(async (name) => {
    const { mode, uid, gid, size, ino, nlink, mtimeNs, ctimeNs } = await lstat(join(folder, name), { bigint: true });
    return [name, [mode, uid, gid, size, ino, nlink, mtimeNs, ctimeNs].join(" ")] as const;
  });
  return Object.fromEntries(await Promise.all(pairs));
}

async function withPlugins() {
  const server = await startTestServer();
  onTestFinished(() => server.dispose());
  const host = await startZipHost();
  onTestFinished(() => host.close());
  for (const version of ["1.0.0", "2.0.0"]) {
    const file = host.serveZip({ type: "sources", name: "random", version });
    if (version === "1.0.0") await post(`${server.url}/plugins/sources`, { name: "random", file });
    else await send(`${server.url}/plugins/sources/random`, { method: "PUT", body: { file } });
  }
  // Made a moment after the reply, which changes the folder that it is in.
  await expect.poll(() => existsSync(join(server.base, "plugins/.jobs"))).toBe(true);
  return server;
}

test("nothing is changed: beside a server, after it, and in a folder that has nothing", async () => {
  const server = await withPlugins();
  const before = await traces(server.base);
  expect(Object.keys(before).length).toBeGreaterThan(10);
  const running = await examine(server.base, { settings: { BASIC__RESTPORT: new URL(server.url).port } });
  expect(running.of("registry")).toEqual([expect.stringMatching(/^ok: 1 plugin /)]);
  expect(await traces(server.base)).toEqual(before);

  await server.stop();
  const stopped = await traces(server.base);
  await examine(server.base);
  expect(await traces(server.base)).toEqual(stopped);

  const empty = await tempFolder();
  const untouched = await traces(empty);
  await examine(empty);
  expect(await traces(empty)).toEqual(untouched);
});

test("a whole folder has no failure, and each check says something", async () => {
  const server = await withPlugins();
  const findings = await examine(server.base);
  expect(findings.with("failure")).toEqual([]);
  expect([...new Set(findings.all.map(({ check }) => check))]).toEqual(CHECKS.map(({ id }) => id));
});

test("settings that can't be used are the one failure, and the rest is skipped", async () => {
  const base = await tempFolder();
  const findings = await examine(base, { settings: { BASIC__RESTPORT: "many" } });
  expect(findings.of("settings")).toEqual([expect.stringContaining('KUIPER__BASIC__RESTPORT is "many"')]);
  expect(findings.with("failure")).toEqual(["settings"]);
  expect(findings.with("skipped")).toEqual(CHECKS.map(({ id }) => id).slice(1));
});

test.each([
  ["not there", "the server would make this one"],
  ["a file", "the server does not start like this"],
])("a base folder that is %s is a failure", async (kind, advice) => {
  const base = join(await tempFolder(), "base");
  if (kind === "a file") await writeFile(base, "");
  expect((await examine(base)).of("settings")).toEqual([expect.stringMatching(/^failure: the base folder .*base/)]);
  expect((await examine(base)).of("settings")).toEqual([expect.stringContaining(advice)]);
});

test("a base folder without kuiper.yaml is said to have the defaults", async () => {
  const base = await tempFolder();
  expect((await examine(base)).of("settings")).toEqual([expect.stringMatching(/^ok: .*there is no .*kuiper\.yaml/)]);
  await mkdir(join(base, "etc"));
  await writeFile(join(base, "etc/kuiper.yaml"), "basic:\n  debug: true\n");
  expect((await examine(base)).of("settings")).toEqual([expect.stringMatching(/^ok: .*each setting in .* is read/)]);
});

test("what keeps a check from looking is a finding, and the others go on", async () => {
  const base = await tempFolder();
  await mkdir(join(base, "etc"));
  await writeFile(join(base, "etc/trust"), "a file in the place of a folder");
  const findings = await examine(base);
  expect(findings.of("trust-keys")).toEqual([
    expect.stringMatching(/^failure: this can't be looked at: the keys in etc/),
  ]);
  expect(findings.of("clock")).toEqual([expect.stringMatching(/^ok: /)]);
});

test("a check that waits for ever is given up; what it had found counts", async () => {
  await using engine = await RawEngine.startTcp(() => {}, { own: true });
  async function* stuck() {
    yield ok("first");
    await fetch(engine.url);
  }
  const seen = [];
  for await (const observation of withinTime(stuck, 50, new AbortController().signal)) seen.push(observation);
  expect(seen).toEqual([
    ok("first"),
    expect.objectContaining({ state: "warning", message: expect.stringContaining("given up") }),
  ]);
});

test("a signal ends it with its reason", async () => {
  const controller = new AbortController();
  controller.abort(new Error("stop"));
  await expect(examine(await tempFolder(), { signal: controller.signal })).rejects.toThrow("stop");
});
