import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { ask, post, remove, send } from "../support/http-client.ts";
import { type PluginContents, pluginZip } from "../support/plugin-zip.ts";

/** Another version in the place of the installed one, and the way back. */

const test = serverTest()
  .extend("url", ({ server }) => (rest = "") => {
    return `${server.url}/plugins/sources/random${rest}`;
  })
  .extend("textOf", ({ server }) => (path: string) => {
    return readFile(join(server.base, path), "utf8");
  })
  .extend("install", ({ server, host }) => (contents: PluginContents) => {
    return post(`${server.url}/plugins/${contents.type}`, { name: contents.name, file: host.serveZip(contents) });
  })
  .extend("put", ({ url }) => (body: object, path = url()) => {
    return ask(path, { method: "PUT", body });
  })
  .extend("update", ({ put, host }) => (contents: PluginContents) => {
    return put({ file: host.serveZip(contents) });
  })
  .extend("rollback", ({ url }) => (body?: object) => {
    return post(url("/rollback"), body);
  })
  .extend("describeIt", ({ url }) => async () => {
    return JSON.parse((await send(url())).text) as Record<string, unknown>;
  })
  .extend("versions", ({ url }) => async (): Promise<{ version: string; id: string; current: boolean }[]> => {
    return JSON.parse((await send(url("/versions"))).text);
  })
  .extend("versionNumbers", ({ versions }) => async () => {
    return (await versions()).map(({ version }) => version);
  })
  /** What the engine sees of the plugin. */
  .extend("liveFiles", ({ server }) => async (): Promise<string[]> => {
    return (await server.files()).filter((path) => /^(plugins|etc)\/sources\/./.test(path));
  });

const V1: PluginContents = { type: "sources", name: "random", version: "1.0.0", yaml: "seed: 1\n" };
const V2: PluginContents = { ...V1, version: "2.0.0", yaml: "seed: 2\n" };
const V3: PluginContents = { ...V1, version: "3.0.0", yaml: "seed: 3\n" };
const YAML = "etc/sources/random.yaml";

const UPDATED = "plugin random is updated and Kuiper must restart for the change to take effect.";
const backTo = (version: string) =>
  `plugin random is rolled back to version ${version} and Kuiper must restart for the change to take effect.`;

describe("update", () => {
  test("puts the new version into the place of the old one", async ({
    install,
    update,
    describeIt,
    liveFiles,
    textOf,
  }) => {
    await install(V1);
    expect(await update(V2)).toEqual([200, UPDATED]);
    expect(await describeIt()).toMatchObject({ name: "random", version: "2.0.0", soFile: "Random@v2.0.0.so" });
    expect(await liveFiles()).toEqual([YAML, "plugins/sources/Random@v2.0.0.so"]);
    expect(await textOf(YAML)).toBe("seed: 2\n");
  });

  test("takes the name of the path, and the same name in the body", async ({ install, put, host }) => {
    await install(V1);
    expect(await put({ name: "random", file: host.serveZip(V2) })).toEqual([200, UPDATED]);
  });

  test.for([
    [
      "another name in the body",
      { name: "other" },
      400,
      /^update sources plugin random error: invalid name other: the path names random\n$/,
    ],
    [
      "no file",
      {},
      400,
      /^update sources plugin random error: invalid uri : it is empty; it should be a URL that begins with http:\/\/, https:\/\/ or file:\/\/\/\n$/,
    ],
  ] as const)("refuses %s", async ([_, body, status, sentence], { install, put, versionNumbers }) => {
    await install(V1);
    expect(await put(body)).toEqual([status, expect.stringMatching(sentence)]);
    expect(await versionNumbers()).toEqual(["1.0.0"]);
  });

  test("of a plugin that is not installed is 404, and installs nothing", async ({ update, liveFiles }) => {
    expect(await update(V2)).toEqual([404, "update sources plugin random error: invalid name random: not exist\n"]);
    expect(await liveFiles()).toEqual([]);
  });

  test.for<[string, Buffer]>([
    ["is no zip", Buffer.from("<html>")],
    ["has no .so", pluginZip({ ...V2, soContent: null })],
    ["has a script that fails", pluginZip({ ...V2, script: "exit 3" })],
  ])(
    "leaves the old version untouched when the new one %s",
    async ([_, zip], { install, server, describeIt, put, host }) => {
      await install(V1);
      const before = await server.files();
      const described = await describeIt();
      const [status] = await put({ file: host.serve("/bad.zip", zip) });
      expect(status).toBe(400);
      expect(await server.files()).toEqual(before);
      expect(await describeIt()).toEqual(described);
    },
  );

  test("replaces a .so of the same name", async ({ install, update, textOf, rollback }) => {
    const plain: PluginContents = { ...V1, version: "", soContent: "one" };
    await install(plain);
    expect(await update({ ...plain, soContent: "two" })).toEqual([200, UPDATED]);
    expect(await textOf("plugins/sources/Random.so")).toBe("two");
    expect(await rollback()).toEqual([
      200,
      "plugin random is rolled back to the version without a number and Kuiper must restart for the change to take effect.",
    ]);
    expect(await textOf("plugins/sources/Random.so")).toBe("one");
  });

  test("is no create: a name that was deleted has to wait for the restart", async ({ install, url, update }) => {
    await install(V1);
    await remove(url());
    expect((await update(V2))[0]).toBe(404);
  });

  test("keeps what users wrote, and lays the new default beside it", async ({
    install,
    server,
    update,
    textOf,
    rollback,
  }) => {
    await install(V1);
    await writeFile(join(server.base, YAML), "seed: mine\n");
    await update(V2);
    expect(await textOf(YAML)).toBe("seed: mine\n");
    expect(await textOf(`${YAML}.new`)).toBe("seed: 2\n");
    await rollback();
    expect(await textOf(YAML)).toBe("seed: mine\n");
    expect(await textOf(`${YAML}.new`)).toBe("seed: 1\n");
  });
});

describe("versions", () => {
  test("are listed with the installed one first, then those before it", async ({ install, update, versions, host }) => {
    await install(V1);
    await update(V2);
    await update(V3);
    expect(await versions()).toMatchObject([
      { version: "3.0.0", current: true, soFile: "Random@v3.0.0.so" },
      { version: "2.0.0", current: false, origin: host.url("/sources/random.zip") },
      { version: "1.0.0", current: false },
    ]);
  });

  test("are 404 for a plugin that is not installed", async ({ url }) => {
    expect(await ask(url("/versions"))).toEqual([404, "describe sources plugin random error: not found\n"]);
  });

  test("are kept as many as versions.keep says", async ({ server, install, update, versionNumbers }) => {
    await server.start({ VERSIONS__KEEP: "1" });
    for (const change of [install(V1)]) await change;
    await update(V2);
    await update(V3);
    expect(await versionNumbers()).toEqual(["3.0.0", "2.0.0"]);
  });

  test("survive a restart", async ({ install, update, versions, server, rollback }) => {
    await install(V1);
    await update(V2);
    const before = await versions();
    await server.start();
    expect(await versions()).toEqual(before);
    expect(await rollback()).toEqual([200, backTo("1.0.0")]);
  });

  test("go with the plugin", async ({ install, update, url, server }) => {
    await install(V1);
    await update(V2);
    await remove(url());
    expect((await server.files()).filter((path) => path.includes(".versions/") && !path.endsWith("/"))).toEqual([]);
  });
});

describe("rollback", () => {
  test("leads to the previous version, and forward again, with the host gone", async ({
    install,
    describeIt,
    update,
    host,
    rollback,
    liveFiles,
    versionNumbers,
  }) => {
    await install(V1);
    const before = await describeIt();
    await update(V2);
    await host.close();
    expect(await rollback()).toEqual([200, backTo("1.0.0")]);
    expect(await describeIt()).toEqual(before);
    expect(await liveFiles()).toEqual([YAML, "plugins/sources/Random@v1.0.0.so"]);
    expect(await versionNumbers()).toEqual(["1.0.0", "2.0.0"]);
    expect(await rollback()).toEqual([200, backTo("2.0.0")]);
  });

  test("leads to a named version", async ({ install, update, rollback, versions }) => {
    await install(V1);
    await update(V2);
    await update(V3);
    expect(await rollback({ version: "1.0.0" })).toEqual([200, backTo("1.0.0")]);
    const id = (await versions()).find(({ version }) => version === "2.0.0")?.id;
    expect(await rollback({ id })).toEqual([200, backTo("2.0.0")]);
  });

  test("to a version that is not kept is 404", async ({ install, update, rollback, versionNumbers }) => {
    await install(V1);
    await update(V2);
    const [status, text] = await rollback({ version: "9.9.9" });
    expect(status).toBe(404);
    expect(text).toMatch(/^rollback sources plugin random error: .*9\.9\.9.*1\.0\.0/);
    expect(await versionNumbers()).toEqual(["2.0.0", "1.0.0"]);
  });

  test("is 404 where nothing is kept", async ({ install, rollback }) => {
    await install(V1);
    expect((await rollback())[0]).toBe(404);
  });

  test.for<[string, (file: string) => Promise<void>]>([
    ["gone", (file) => rm(file)],
    ["cut off", (file) => truncate(file, 10)],
    ["another file of the same size", async (file) => writeFile(file, Buffer.alloc((await stat(file)).size))],
    [
      "a folder",
      async (file) => {
        await rm(file);
        await mkdir(file);
      },
    ],
  ])(
    "to a version whose .so is %s is refused",
    async ([_, damage], { install, update, url, server, rollback, describeIt, liveFiles }) => {
      await install(V1);
      await update(V2);
      const [, old] = JSON.parse((await send(url("/versions"))).text);
      const { sha256 } = old.files.find(({ path }: { path: string }) => path.endsWith(".so"));
      await damage(join(server.base, "plugins/.versions", sha256));
      const [status, text] = await rollback();
      expect([status, text]).toEqual([
        500,
        "rollback sources plugin random error: what is kept of version 1.0.0 of sources/random is damaged " +
          "(plugins/sources/Random@v1.0.0.so); install that version from its zip\n",
      ]);
      expect((await describeIt()).version).toBe("2.0.0");
      expect(await liveFiles()).toEqual([YAML, "plugins/sources/Random@v2.0.0.so"]);
    },
  );

  test("brings back a .so that somebody had put in the place of the installed one, however alike they look", async ({
    install,
    server,
    update,
    rollback,
  }) => {
    await install(V1);
    const so = join(server.base, "plugins/sources/Random@v1.0.0.so");
    const { size } = await stat(so);
    await writeFile(so, Buffer.alloc(size, "h"));
    await utimes(so, new Date(0), new Date(0));
    await update(V2);
    expect(await rollback()).toEqual([200, backTo("1.0.0")]);
    expect(await readFile(so)).toEqual(Buffer.alloc(size, "h"));
  });

  test("works again once what was damaged is installed from its zip, also where versions share a file", async ({
    install,
    update,
    server,
    rollback,
  }) => {
    const other = { ...V1, yaml: "seed: 11\n" };
    await install(V1);
    await update(other);
    await update(V3);
    const kept = join(server.base, "plugins/.versions");
    for (const name of await readdir(kept)) await writeFile(join(kept, name), Buffer.alloc(8192, "x"));
    expect((await rollback())[0]).toBe(500);
    await update(V1);
    await update(V3);
    expect(await rollback()).toEqual([200, backTo("1.0.0")]);
  });

  test("of a plugin that is not installed is 404", async ({ rollback }) => {
    expect(await rollback()).toEqual([404, "rollback sources plugin random error: invalid name random: not exist\n"]);
  });

  test.for([
    ["[]", /should be an object/],
    ['{"version":1}', /field version should be a string/],
    ["{", /not valid JSON/],
  ] as const)("refuses the body %s", async ([body, sentence], { install, url }) => {
    await install(V1);
    const [status, text] = await post(url("/rollback"), body);
    expect([status, text]).toEqual([400, expect.stringMatching(sentence)]);
    expect(text).toMatch(/^Invalid body: Error decoding the rollback json: /);
  });
});

test("updates and rollbacks are audited", async ({ install, update, rollback, server, host }) => {
  await install(V1);
  await update(V2);
  await rollback();
  const lines = server.logged.filter(({ msg }) => msg === "audit");
  expect(lines).toMatchObject([
    { action: "install", version: "1.0.0" },
    { action: "update", version: "2.0.0", origin: host.url("/sources/random.zip") },
    { action: "rollback", version: "1.0.0", result: "done" },
  ]);
});
