import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import { recordedElf } from "../support/recorded-elf.ts";

/** What an upgrade of the engine breaks is told before and after it, and a plugin that fits is told to fit. */

/** A recorded file is mostly zeros. */
const settings = { PLUGINPACKAGE__MAXRATIO: "1100" };

const test = serverTest(settings)
  .extend("putEngine", ({ server }) => async (path: string, recorded: string): Promise<string> => {
    const file = join(server.base, path);
    await mkdir(join(file, ".."), { recursive: true });
    await rm(file, { force: true }); // an upgrade is another file, not the old one written over
    await writeFile(file, await recordedElf(recorded));
    return file;
  })
  .extend("install", ({ host, server }) => async (name: string, recorded: string, more: object = {}) => {
    const soContent = await recordedElf(recorded);
    const file = host.serveZip({ type: "functions", name, soContent });
    return send(`${server.url}/plugins/functions`, { method: "POST", body: { name, file, ...more } });
  })
  .extend("verdicts", ({ server }) => async (query = "") => {
    const plugins = JSON.parse((await send(`${server.url}/plugins${query}`)).text);
    return Object.fromEntries(plugins.map(({ name, verdict }: { name: string; verdict: string }) => [name, verdict]));
  })
  .extend("describeIt", ({ server }) => async (name: string) => {
    return JSON.parse((await send(`${server.url}/plugins/functions/${name}`)).text);
  });

test.beforeEach(async ({ putEngine }) => {
  await putEngine("bin/kuiperd", "engine");
});

test("a plugin that fits is reported as compatible", async ({ install, describeIt }) => {
  const { status, headers } = await install("random", "plugin");
  expect([status, headers["plugin-compatibility"]]).toEqual([201, "compatible"]);
  expect((await describeIt("random")).compatibility).toEqual({ verdict: "compatible", problems: [] });
});

test("a plugin that does not fit is reported with every package that differs", async ({ install, describeIt }) => {
  const { status, headers } = await install("random", "changed-plugin");
  expect(status).toBe(201);
  expect(headers["plugin-compatibility"]).toMatch(/^incompatible; reason=".*example\.com\/engine\/model/);
  expect((await describeIt("random")).compatibility).toMatchObject({
    verdict: "incompatible",
    problems: [{ code: "PACKAGE_DIFFERS", packages: ["example.com/engine/model"] }],
  });
});

test("before the upgrade, the list can be compared with another binary, which records nothing", async ({
  install,
  putEngine,
  verdicts,
  server,
}) => {
  await install("random", "plugin");
  const upgraded = await putEngine("new/kuiperd", "arm-engine");
  expect(await verdicts(`?engine=${upgraded}`)).toEqual({ random: "incompatible" });
  expect(await verdicts(`?engine=${upgraded}&verdict=compatible`)).toEqual({});
  expect(await verdicts()).toEqual({ random: "compatible" });
  expect(await verdicts(`?engine=${join(server.base, "nowhere")}`)).toEqual({ random: "unknown" });
});

test("no binary outside of the allowed folders can be named, nor a link out of them", async ({ server }) => {
  const folders = { PLUGINDOWNLOAD__ALLOWEDFOLDERS: join(server.base, "zips") };
  await server.start({ ...settings, ...folders });
  const link = join(server.base, "link");
  await symlink("/usr/bin/env", link);
  for (const engine of ["/usr/bin/env", "/usr/bin/nothing", "../../etc/passwd", link]) {
    const [status, text] = await ask(`${server.url}/plugins?engine=${engine}`);
    expect([status, text]).toEqual([
      400,
      expect.stringMatching(/is not in a folder of pluginDownload\.allowedFolders/),
    ]);
  }
  expect((await ask(`${server.url}/plugins?engine=bin/kuiperd`))[0]).toBe(200);
});

test("after the upgrade, the list is about the new engine while the server runs", async ({
  install,
  putEngine,
  describeIt,
  verdicts,
}) => {
  await install("random", "plugin");
  await putEngine("bin/kuiperd", "arm-engine");
  expect((await describeIt("random")).compatibility).toMatchObject({
    verdict: "incompatible",
    problems: [{ code: "WRONG_CPU" }],
  });
  await putEngine("bin/kuiperd", "engine");
  expect(await verdicts()).toEqual({ random: "compatible" });
});

test("on start, the log says what the engine will not load any more", async ({ install, putEngine, server }) => {
  await install("random", "plugin");
  await putEngine("bin/kuiperd", "arm-engine");
  await server.start(settings);
  await server.compareWithEngine();
  expect(server.logged).toContainEqual(
    expect.objectContaining({ level: 40, plugin: { type: "functions", name: "random" }, problem: "WRONG_CPU" }),
  );
  expect(server.logged).toContainEqual(expect.objectContaining({ plugins: { incompatible: 1 } }));
});

test("a .so that somebody copied over the installed one is looked at again", async ({ install, server, verdicts }) => {
  await install("random", "plugin");
  await writeFile(join(server.base, "plugins/functions/Random@v1.0.0.so"), await recordedElf("changed-plugin"));
  expect(await verdicts()).toEqual({ random: "incompatible" });
});

test("enforce lets in what fits, and nothing else", async ({ server, install, host, verdicts }) => {
  await server.start({ ...settings, ENGINE__VERIFY: "enforce" });
  expect((await install("random", "changed-plugin")).status).toBe(400);
  expect((await install("random", "plugin")).status).toBe(201);
  // The old version stays where the new one is refused.
  const file = host.serveZip({ type: "functions", name: "random", soContent: await recordedElf("changed-plugin") });
  const [status, text] = await ask(`${server.url}/plugins/functions/random`, { method: "PUT", body: { file } });
  expect([status, text]).toEqual([400, expect.stringContaining("example.com/engine/model")]);
  expect(await verdicts()).toEqual({ random: "compatible" });
});

test("functions that are exported and not registered are reported, until they are", async ({
  install,
  describeIt,
  server,
}) => {
  await install("random", "plugin", { functions: ["random"] });
  expect((await describeIt("random")).unregistered).toEqual(["count", "keep"]);
  const register = (functions: string[]) => post(`${server.url}/plugins/functions/random/register`, { functions });
  expect((await register(["random", "count", "keep"]))[0]).toBe(200);
  expect(await describeIt("random")).not.toHaveProperty("unregistered");
  const wrong = await send(`${server.url}/plugins/functions/random/register`, {
    method: "POST",
    body: { functions: ["random", "missing"] },
  });
  expect(wrong.headers["plugin-compatibility"]).toMatch(/^incompatible; reason=".*Missing/);
});

test("the same .so under two names: the engine loads whichever comes first", async ({
  install,
  describeIt,
  server,
  verdicts,
}) => {
  await install("random", "plugin");
  const { status, headers } = await install("keep", "plugin");
  expect([status, headers["plugin-compatibility"]]).toEqual([
    201,
    expect.stringMatching(/^incompatible; reason="functions\/random has the same plugin path, example\.com\/engine\//),
  ]);
  expect((await describeIt("random")).compatibility).toEqual({
    verdict: "incompatible",
    problems: [{ code: "ALREADY_LOADED", message: expect.stringContaining("functions/keep has the same") }],
  });
  await send(`${server.url}/plugins/functions/keep`, { method: "DELETE" });
  expect(await verdicts()).toEqual({ random: "compatible" });
});

test("another build of a plugin, installed beside it, keeps it out though the engine refuses that one", async ({
  install,
  describeIt,
}) => {
  await install("random", "plugin");
  await install("keep", "changed-plugin");
  const codes = async (name: string) =>
    (await describeIt(name)).compatibility.problems.map(({ code }: { code: string }) => code);
  expect(await codes("random")).toEqual(["ALREADY_LOADED"]);
  expect(await codes("keep")).toEqual(["PACKAGE_DIFFERS", "ALREADY_LOADED"]);
});

test("the report of an inspection has both sides", async ({ host, server }) => {
  const file = host.serveZip({ type: "functions", name: "random", soContent: await recordedElf("plugin") });
  const [, text] = await post(`${server.url}/plugins/functions/inspect`, { name: "random", file });
  expect(JSON.parse(text)).toMatchObject({
    verdict: "compatible",
    problems: [],
    unregistered: ["count", "keep"],
    plugin: { cpu: "amd64", goVersion: "go1.19.8" },
    engine: { path: join(server.base, "bin/kuiperd"), trimpath: true },
  });
});

test("an engine's binary that can't be read makes no plugin wrong", async ({ server, install, describeIt }) => {
  await writeFile(join(server.base, "bin/kuiperd"), "no program");
  await install("random", "plugin");
  expect((await describeIt("random")).compatibility.verdict).toBe("unknown");
});
