import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { examine } from "../support/doctor.ts";
import { post, send } from "../support/http-client.ts";
import type { PluginContents } from "../support/plugin-zip.ts";
import { recordedElf } from "../support/recorded-elf.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { startZipHost, type ZipHost } from "../support/zip-host.ts";

/** A recorded file is mostly zeros. */
const SETTINGS = { PLUGINPACKAGE__MAXRATIO: "1100" };

/** What became of the folders of a server that has ended. */
async function afterServer(use: (server: TestServer, host: ZipHost) => Promise<unknown>): Promise<string> {
  const server = await startTestServer(SETTINGS);
  onTestFinished(() => server.dispose());
  const host = await startZipHost();
  onTestFinished(() => host.close());
  await use(server, host);
  await server.stop();
  return server.base;
}

async function install(server: TestServer, host: ZipHost, contents: PluginContents): Promise<void> {
  const { type, name } = contents;
  const file = host.serveZip(contents);
  expect(await post(`${server.url}/plugins/${type}`, { name, file })).toEqual([201, expect.anything()]);
}

const RANDOM: PluginContents = { type: "sources", name: "random" };

test("files that were edited, changed or removed since the install", async () => {
  const base = await afterServer(async (server, host) => {
    for (const name of ["random", "other", "third"]) await install(server, host, { ...RANDOM, name, json: "{}" });
  });
  await appendFile(join(base, "etc/sources/random.yaml"), "# mine\n");
  await rm(join(base, "etc/sources/other.json"));
  await rm(join(base, "plugins/sources/Random@v1.0.0.so"));
  await appendFile(join(base, "plugins/sources/Other@v1.0.0.so"), "x");
  const third = join(base, "plugins/sources/Third@v1.0.0.so");
  const content = await readFile(third);
  content[content.length - 1] = (content.at(-1) ?? 0) ^ 1; // of the same size
  await writeFile(third, content);
  expect((await examine(base)).of("plugin-files").sort()).toEqual([
    expect.stringMatching(/^failure: the \.so of random is gone: sources\/Random@v1\.0\.0\.so -> install/),
    "ok: 9 files of 3 plugins looked at",
    "ok: edited since the install, and kept by an update: etc/sources/random.yaml",
    expect.stringMatching(/^warning: etc\/sources\/other\.json is gone/),
    expect.stringMatching(/^warning: sources\/Other@v1\.0\.0\.so is not the file that was installed/),
    expect.stringMatching(/^warning: sources\/Third@v1\.0\.0\.so is not the file that was installed/),
  ]);
});

test("of hundreds of the same kind a hundred are named", async () => {
  const etc = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`${index}.ini`, "x"]));
  const base = await afterServer((server, host) => install(server, host, { ...RANDOM, etc }));
  await rm(join(base, "etc/sources/random"), { recursive: true });
  const lines = (await examine(base)).of("plugin-files");
  expect(lines).toHaveLength(101);
  expect(lines.at(-1)).toBe("warning: and 21 more -> do what the others say, and look again");
});

test("a registry that can't be used stays where it is", async () => {
  const base = await afterServer((server, host) => install(server, host, RANDOM));
  const file = join(base, "plugins/registry.json");
  await writeFile(file, '{"schema": 1, "plug');
  const findings = await examine(base);
  expect(findings.of("registry")[0]).toMatch(/^failure: .*registry\.json can't be used: .*JSON.* -> restore it/);
  expect(findings.of("plugin-files")).toEqual(["skipped: the registry can't be used"]);
  expect(await readFile(file, "utf8")).toBe('{"schema": 1, "plug');
  expect((await readdir(join(base, "plugins"))).filter((name) => name.includes("unreadable"))).toEqual([]);
  await writeFile(file, '{"schema": 2, "plugins": {}}');
  expect((await examine(base)).of("registry")[0]).toMatch(/^failure: .* it does not match the schema of this version/);
});

test("a .so that was copied in by hand, and files of others in the registry", async () => {
  const base = await afterServer((server, host) => install(server, host, RANDOM));
  await writeFile(join(base, "plugins/sinks/Tdengine.so"), "so");
  const file = join(base, "plugins/registry.json");
  await writeFile(file, (await readFile(file, "utf8")).replace("etc/sources/random.yaml", "etc/sources/other.yaml"));
  expect((await examine(base)).of("registry")).toEqual([
    expect.stringMatching(/^ok: 1 plugin in /),
    expect.stringMatching(/^warning: .*registry\.json: the registry names files that are not this plugin's: ignored/),
    expect.stringMatching(/^warning: 1 \.so that the registry does not know: sinks\/Tdengine\.so -> copied in by hand/),
  ]);
});

test("kept files that a rollback would miss", async () => {
  const base = await afterServer(async (server, host) => {
    await install(server, host, RANDOM);
    const file = host.serveZip({ ...RANDOM, version: "2.0.0" });
    await send(`${server.url}/plugins/sources/random`, { method: "PUT", body: { file } });
  });
  expect((await examine(base)).of("kept-versions")).toEqual(["ok: 1 earlier version for a rollback"]);
  await rm(join(base, "plugins/.versions"), { recursive: true });
  expect((await examine(base)).of("kept-versions")).toEqual([
    expect.stringMatching(/^warning: 1 kept file of 1\.0\.0 of sources\/random can't be used: a rollback to it fails/),
    "ok: 1 earlier version for a rollback",
  ]);
});

async function withEngine(...plugins: readonly (readonly [name: string, recorded: string])[]): Promise<string> {
  return afterServer(async (server, host) => {
    await mkdir(join(server.base, "bin"));
    await writeFile(join(server.base, "bin/kuiperd"), await recordedElf("engine"));
    for (const [name, recorded] of plugins) {
      await install(server, host, { type: "functions", name, soContent: await recordedElf(recorded) });
    }
  });
}

test("a plugin that the engine will not load, with the cause", async () => {
  const findings = await examine(await withEngine(["broken", "changed-plugin"]));
  expect(findings.of("engine-binary")).toEqual([expect.stringMatching(/^ok: .*bin\/kuiperd \(go1\./)]);
  expect(findings.of("verdicts")).toEqual([
    expect.stringMatching(/^failure: the engine will not load functions\/broken: .*example\.com\/engine\/model/),
    "ok: 0 plugins of 1 will be loaded, as far as the files say",
  ]);
});

test("after an upgrade of the engine, and where there is none, the recorded verdict does not count", async () => {
  const base = await withEngine(["random", "plugin"]);
  expect((await examine(base)).of("verdicts")).toEqual(["ok: 1 plugin of 1 will be loaded, as far as the files say"]);
  const upgraded = join(base, "bin/upgraded");
  await writeFile(upgraded, await recordedElf("arm-engine"));
  await rename(upgraded, join(base, "bin/kuiperd"));
  expect((await examine(base)).of("verdicts")[0]).toMatch(/^failure: the engine will not load functions\/random: /);
  await rm(join(base, "bin/kuiperd"));
  expect((await examine(base)).of("verdicts")[0]).toMatch(
    /^warning: whether the engine loads 1 plugin is unknown: .*there is no engine's file/,
  );
});
