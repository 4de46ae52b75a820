import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { processTest, stoppedServerTest } from "../support/fixtures.ts";
import { modeOf } from "../support/folder-snapshot.ts";
import { ask, post, remove, send } from "../support/http-client.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";

/** An engine whose folders are not below one base folder, each a file system of its own. */

const MiB = 1024 * 1024;

function threeDisks() {
  const [etc, plugins, data] = [tinyDisk(4 * MiB).folder, tinyDisk(4 * MiB).folder, tinyDisk(4 * MiB).folder];
  return { etc, plugins, data, settings: { FOLDERS__ETC: etc, FOLDERS__PLUGINS: plugins, FOLDERS__DATA: data } };
}

/** What of a plugin is below a folder, also in hidden ones. */
async function traces(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => /random|\.(old|new)$|\.changes\/./i.test(name)).sort();
}

const contents = (version: string) =>
  ({ type: "sources", name: "random", version, yaml: `default: ${version}\n`, etc: { "ca.pem": version } }) as const;

describe.skipIf(!CAN_MOUNT)("three folders that are three file systems", () => {
  stoppedServerTest("every change works, and each thing is on its own", async ({ server, host }) => {
    const { etc, plugins, data, settings } = threeDisks();
    const script = 'printf %s "$KuiperBaseKey $KUIPER_ETC $KUIPER_PLUGINS" > "$KUIPER_ETC/ran"\n';
    await server.start(settings);
    const url = `${server.url}/plugins/sources`;

    const first = { name: "random", file: host.serveZip({ ...contents("1.0.0"), script }) };
    expect((await post(url, first))[0]).toBe(201);
    expect(await readFile(join(etc, "ran"), "utf8")).toBe(`${server.base} ${etc} ${plugins}`);
    expect(await readFile(join(etc, "sources/random.yaml"), "utf8")).toBe("default: 1.0.0\n");
    expect(await traces(plugins)).toEqual(["sources/Random@v1.0.0.so"]);

    const update = { method: "PUT", body: { file: host.serveZip(contents("2.0.0")) } };
    expect((await send(`${url}/random`, update)).status).toBe(200);
    expect(await traces(plugins)).toEqual(["sources/Random@v2.0.0.so"]);
    expect((await readdir(join(plugins, ".versions"))).length).toBeGreaterThan(0);
    expect((await readdir(join(etc, ".versions"))).length).toBeGreaterThan(0);

    await server.start(settings); // another process of ours knows it all
    expect((await post(`${server.url}/plugins/sources/random/rollback`, {}))[0]).toBe(200);
    expect(await readFile(join(etc, "sources/random/ca.pem"), "utf8")).toBe("1.0.0");
    expect((await remove(`${server.url}/plugins/sources/random`))[0]).toBe(200);
    expect([await traces(etc), await traces(plugins)]).toEqual([[], []]);

    const upload = { name: "a.zip", content: "x" };
    expect((await post(`${server.url}/config/uploads`, upload))[0]).toBe(201);
    expect(await readdir(join(data, "uploads"))).toEqual(["a.zip"]);
    expect(await readdir(server.base)).toEqual([]);
  });

  processTest.for([1, 2, 3, 4, 5, 6, 7, 8].map((at) => at * 8))(
    "killed at operation %i of an update: old or new, whole, on all of them",
    async (at, { server, host }) => {
      const { etc, plugins, settings } = threeDisks();
      const url = await server.start({ settings });
      const first = { name: "random", file: host.serveZip(contents("1.0.0")) };
      expect((await post(`${url}/plugins/sources`, first))[0]).toBe(201);

      const preload = join(import.meta.dirname, "../support/die-at-operation.mjs");
      const command = ["env", `DIE_AT=${at}`, "COUNT_FROM=signal", process.execPath, "--import", preload] as const;
      const dying = await server.start({ settings, command: ["/usr/bin/env", ...command.slice(1)] });
      server.process.kill("SIGUSR2");
      const body = { file: host.serveZip(contents("2.0.0")) };
      await send(`${dying}/plugins/sources/random`, { method: "PUT", body }).catch(() => {});
      server.process.kill("SIGKILL");
      await server.process.ended;

      const [, described] = await ask(`${await server.start({ settings })}/plugins/sources/random`);
      const { version } = JSON.parse(described as string);
      expect(["1.0.0", "2.0.0"]).toContain(version);
      expect(await traces(plugins)).toEqual([`sources/Random@v${version}.so`]);
      expect(await readFile(join(etc, "sources/random.yaml"), "utf8")).toBe(`default: ${version}\n`);
      expect(await traces(etc)).toEqual(["sources/random", "sources/random.yaml", "sources/random/ca.pem"]);
    },
  );
});

stoppedServerTest("the folders that an engine needs are made, and can be read by it", async ({ server, folder }) => {
  const [etc, plugins] = [join(folder, "a/etc"), join(folder, "b/plugins")];
  await server.start({ FOLDERS__ETC: etc, FOLDERS__PLUGINS: plugins });
  for (const path of [plugins, ...["sources", "sinks", "functions", "portable"].map((type) => join(plugins, type))]) {
    expect([path, await modeOf(path)]).toEqual([path, "755"]);
  }
  expect((await stat(join(etc, "sinks"))).isDirectory()).toBe(true);
});

stoppedServerTest("without any of it there is no folder more than ever", async ({ server }) => {
  await server.start();
  expect((await readdir(join(server.base, "plugins"))).sort()).toEqual(["functions", "sinks", "sources"]);
});

stoppedServerTest("relative folders start at the base folder", async ({ server }) => {
  await server.start({ FOLDERS__PLUGINS: "here/plugins" });
  expect(await readdir(join(server.base, "here/plugins"))).toContain("sinks");
});

processTest("kuiper.yaml is below the base folder: it says where the others are", async ({ server, folder }) => {
  await mkdir(join(server.base, "etc"), { recursive: true });
  const plugins = join(folder, "plugins");
  await writeFile(join(server.base, "etc/kuiper.yaml"), `folders:\n  plugins: ${plugins}\n`);
  await server.start();
  expect(await readdir(plugins)).toContain(".lock");
});

processTest("one folder for two things ends the start with one line", async ({ server, folder }) => {
  const process = await server.launch({ settings: { FOLDERS__ETC: folder, FOLDERS__PLUGINS: folder } });
  expect((await process.exited).code).toBe(1);
  expect(process.stderr).toBe(
    `kuiper-plugin-server: folders.etc and folders.plugins are both ${folder}; they should be two folders\n`,
  );
});
