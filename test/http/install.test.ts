import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect } from "vitest";
import { PLUGIN_TYPES } from "../../src/domain/plugin.ts";
import { serverTest } from "../support/fixtures.ts";
import { modeOf } from "../support/folder-snapshot.ts";
import { post, remove, send } from "../support/http-client.ts";
import { type PluginContents, pluginZip, writePluginZip } from "../support/plugin-zip.ts";
import { FILE_TYPE } from "../support/zip-fields.ts";

/** Installs that succeed: which file goes where, and what is said about it afterwards. */

const EMPTY = ["etc/", "etc/functions/", "etc/sinks/", "etc/sources/", "plugins/", "plugins/functions/"]
  .concat("plugins/sinks/", "plugins/sources/")
  .sort();

const test = serverTest()
  .extend("install", ({ host, server }) => async (contents: PluginContents, more: object = {}): Promise<void> => {
    const { type, name } = contents;
    const order = { name, file: host.serveZip(contents), ...more };
    expect(await post(`${server.url}/plugins/${type}`, order)).toEqual([201, `${type} plugin ${name} is created`]);
  })
  /** What an install has put there for the engine, without the folders that are always there. */
  .extend("added", ({ server }) => async (): Promise<string[]> => {
    return (await server.files()).filter((path) => !EMPTY.includes(path) && !/^(plugins|etc)\/\./.test(path));
  })
  .extend("textOf", ({ server }) => (path: string) => {
    return readFile(join(server.base, path), "utf8");
  });

const RICH: Omit<PluginContents, "type"> = {
  name: "random",
  version: "1.2.3",
  yaml: "default:\n  seed: 7\n",
  json: '{"author":"me"}',
  etc: { "random.conf": "conf", "deep/er/file.txt": "deep", ".hidden": "hidden" },
  script: "exit 0",
  files: { "mysdk.zip": "sdk", "lib/helper.sh": "helper", "Random@v9.so.txt": "x", "other.so": "x", "other.yaml": "x" },
  extraEntries: [{ name: "empty/" }, { name: "etc/" }, { name: "etc/nothing/" }, { name: "lib/" }],
};

describe.each([
  ["sources", ["etc/sources/random.yaml"]],
  ["sinks", []],
  ["functions", []],
] as const)("%s", (type, yaml) => {
  const files = [
    `etc/${type}/random.json`,
    `etc/${type}/random/.hidden`,
    `etc/${type}/random/deep/er/file.txt`,
    `etc/${type}/random/random.conf`,
    `plugins/${type}/Random@v1.2.3.so`,
    ...yaml,
  ].sort();

  test("their files go to their places, everything else goes away", async ({ install, added, textOf }) => {
    await install({ type, ...RICH });
    expect((await added()).filter((path) => !path.endsWith("/"))).toEqual(files);
    expect(await textOf(`etc/${type}/random/deep/er/file.txt`)).toBe("deep");
    expect(await textOf(`etc/${type}/random.json`)).toBe('{"author":"me"}');
  });

  test("a delete takes all of them", async ({ install, server, added }) => {
    await install({ type, ...RICH });
    expect((await remove(`${server.url}/plugins/${type}/random`))[0]).toBe(200);
    expect(await added()).toEqual([]);
    expect((await server.files()).filter((path) => /^(plugins|etc)\/\..*\/./.test(path))).toEqual([]);
  });

  test("describe and the registry say what was installed", async ({ install, server, host, textOf }) => {
    const before = Date.now();
    await install({ type, ...RICH }, { functions: ["f", "g"] });
    const described = JSON.parse((await send(`${server.url}/plugins/${type}/random`)).text);
    const zip = pluginZip({ type, ...RICH });
    expect(described).toEqual({
      name: "random",
      version: "1.2.3",
      soFile: "Random@v1.2.3.so",
      files: expect.any(Array),
      ...(type === "functions" ? { functions: ["f", "g"] } : {}),
      origin: host.url(`/${type}/random.zip`),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      bytes: zip.length,
      installedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      compatibility: { verdict: "unknown", problems: expect.any(Array) },
    });
    expect(Date.parse(described.installedAt)).toBeGreaterThanOrEqual(before);
    expect(described.files.map(({ path }: { path: string }) => path).sort()).toEqual(files);

    const registry = JSON.parse(await textOf("plugins/registry.json"));
    expect(registry.schema).toBe(1);
    const { name: _, ...entry } = described;
    expect(registry.plugins[type].random).toMatchObject(entry);
  });
});

describe("modes are ours", () => {
  test.aroundEach(async (runTest) => {
    const umask = process.umask(0o077);
    await runTest();
    process.umask(umask);
  });

  test.for([0o7777, 0o000, 0o600])("whatever the zip says: %o", async (mode, { install, added, server }) => {
    const entry = (name: string) => ({ name, data: "{}", mode: FILE_TYPE.regular | mode }); // also valid JSON
    const names = ["Random.so", "random.yaml", "random.json", "etc/run.sh", "etc/lib.so"];
    const extraEntries = names.map(entry);
    await install({ type: "sources", name: "random", soName: "unused", soContent: null, yaml: null, extraEntries });
    const files = (await added()).filter((path) => !path.endsWith("/"));
    const modes = await Promise.all(files.map(async (path) => [path, await modeOf(join(server.base, path))]));
    expect(Object.fromEntries(modes)).toEqual({
      "etc/sources/random.json": "644",
      "etc/sources/random.yaml": "644",
      "etc/sources/random/lib.so": "644",
      "etc/sources/random/run.sh": "644",
      "plugins/sources/Random.so": "755",
    });
  });
});

describe("over file:", () => {
  test.for(PLUGIN_TYPES)("%s", async (type, { folder, server }) => {
    const zips = join(folder, "zips with spaces é");
    await mkdir(zips);
    const path = await writePluginZip(zips, { type, name: "local" }, "with space.zip");
    const urls = [pathToFileURL(path).href, `file://localhost${pathToFileURL(path).pathname}`, `file://${path}`];
    for (const [index, file] of urls.entries()) {
      const name = `local${index}`;
      await writeFile(path, pluginZip({ type, name }));
      expect([file, ...(await post(`${server.url}/plugins/${type}`, { name, file }))]).toEqual([
        file,
        201,
        `${type} plugin ${name} is created`,
      ]);
    }
  });
});

test("a URL may have a query, as presigned ones do, and spaces", async ({ host, server }) => {
  const zip = pluginZip({ type: "sinks", name: "signed" });
  host.serve("/a%20b/signed.zip?X-Amz-Signature=1&x=y.tar", zip);
  const file = host.url("/a%20b/signed.zip?X-Amz-Signature=1&x=y.tar");
  expect((await post(`${server.url}/plugins/sinks`, { name: "signed", file }))[0]).toBe(201);
});

describe("a yaml that is there already", () => {
  const yaml = "default:\n  seed: 7\n";

  test("is kept as .bak when it is different", async ({ server, install, textOf }) => {
    await writeFile(join(server.base, "etc/sources/random.yaml"), "edited by hand\n");
    await install({ type: "sources", name: "random", yaml });
    expect(await textOf("etc/sources/random.yaml")).toBe(yaml);
    expect(await textOf("etc/sources/random.yaml.bak")).toBe("edited by hand\n");
  });

  test("is kept beside an older .bak", async ({ server, install, textOf }) => {
    await writeFile(join(server.base, "etc/sources/random.yaml"), "second\n");
    await writeFile(join(server.base, "etc/sources/random.yaml.bak"), "first\n");
    await install({ type: "sources", name: "random", yaml });
    expect(await textOf("etc/sources/random.yaml.bak")).toBe("first\n");
    expect(await textOf("etc/sources/random.yaml.bak.1")).toBe("second\n");
  });

  test("is replaced when it is the same", async ({ server, install, added }) => {
    await writeFile(join(server.base, "etc/sources/random.yaml"), yaml);
    await install({ type: "sources", name: "random", yaml });
    expect(await added()).toEqual(["etc/sources/random.yaml", "plugins/sources/Random@v1.0.0.so"]);
  });

  test("is kept as .bak by a delete when it was edited", async ({ install, server, added, textOf }) => {
    await install({ type: "sources", name: "random", yaml, etc: { "conf.txt": "conf" } });
    await writeFile(join(server.base, "etc/sources/random.yaml"), "edited by hand\n");
    await writeFile(join(server.base, "etc/sources/random/conf.txt"), "edited too\n");
    expect((await remove(`${server.url}/plugins/sources/random`))[0]).toBe(200);
    expect(await added()).toEqual([
      "etc/sources/random.yaml.bak",
      "etc/sources/random/",
      "etc/sources/random/conf.txt.bak",
    ]);
    expect(await textOf("etc/sources/random.yaml.bak")).toBe("edited by hand\n");
  });
});
