import { appendFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ask, post, remove, send } from "../support/http-client.ts";
import type { PluginContents } from "../support/plugin-zip.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { bindMount, CAN_MOUNT } from "../support/tiny-disk.ts";
import { startZipHost, type ZipHost } from "../support/zip-host.ts";

/** Folders and files that are mounted by themselves, of the same disk, so that devices don't tell. */

const YAML = "etc/sources/random.yaml";
const SO = "plugins/sources/Random@v1.0.0.so";

let host: ZipHost;
let server: TestServer;
/** install.sh leaves its marks here. */
let marks: string;
beforeEach(async () => {
  host = await startZipHost();
  server = await startTestServer();
  marks = join(await tempFolder(), "marks");
  onTestFinished(async () => {
    await host.close();
    await server.dispose();
  });
});

const contents = (version: string): PluginContents => ({
  type: "sources",
  name: "random",
  version,
  yaml: `default: ${version}\n`,
  etc: { "certs/ca.pem": `ca ${version}` },
  script: `echo ran >> ${marks}\n`,
});
const install = (version = "1.0.0") =>
  post(`${server.url}/plugins/sources`, { name: "random", file: host.serveZip(contents(version)) });
const update = async (version: string) => {
  const body = { file: host.serveZip(contents(version)) };
  const { status, text } = await send(`${server.url}/plugins/sources/random`, { method: "PUT", body });
  return [status, text] as const;
};
const uninstall = () => remove(`${server.url}/plugins/sources/random`);
const text = (path: string) => readFile(join(server.base, path), "utf8");
const ran = () => readFile(marks, "utf8").catch(() => "");

/** Everything of the plugin, and whatever a change left behind. */
async function traces(): Promise<string[]> {
  return (await server.files()).filter((path) => /random|\.(old|new)$|\.changes\/./i.test(path));
}

async function mount(path: string, options: { readOnly?: boolean; content?: string } = {}): Promise<void> {
  const target = join(server.base, path);
  const source = join(await tempFolder(), "mounted");
  if (options.content === undefined) {
    await mkdir(source);
    await mkdir(target, { recursive: true });
  } else {
    await mkdir(dirname(target), { recursive: true });
    await writeFile(source, options.content);
    await appendFile(target, ""); // may be there
  }
  bindMount(source, target, options);
}

describe.skipIf(!CAN_MOUNT)("mounted folders", () => {
  it.each([[["etc/sources"]], [["plugins/sources"]], [["etc/sources", "plugins/sources"]], [["etc/sources/random"]]])(
    "every change works, and leaves nothing behind: %s",
    async (paths) => {
      for (const path of paths) await mount(path);
      expect(await install()).toEqual([201, expect.anything()]);
      expect([await text(YAML), await text("etc/sources/random/certs/ca.pem")]).toEqual([
        "default: 1.0.0\n",
        "ca 1.0.0",
      ]);
      expect((await update("2.0.0"))[0]).toBe(200);
      expect(await text(YAML)).toBe("default: 2.0.0\n");
      expect((await post(`${server.url}/plugins/sources/random/rollback`, {}))[0]).toBe(200);
      expect(await text(YAML)).toBe("default: 1.0.0\n");
      await writeFile(join(server.base, YAML), "mine\n");
      expect((await update("3.0.0"))[0]).toBe(200);
      expect([await text(YAML), await text(`${YAML}.new`)]).toEqual(["mine\n", "default: 3.0.0\n"]);
      expect(await uninstall()).toEqual([200, expect.anything()]);
      const left = paths.includes("etc/sources/random") ? ["etc/sources/random/"] : [];
      expect(await traces()).toEqual([`${YAML}.bak`, ...left]);
      expect(await text(`${YAML}.bak`)).toBe("mine\n");
    },
  );

  it("one that can only be read is named before install.sh runs", async () => {
    await mount("etc/sources", { readOnly: true });
    const [status, message] = await install();
    expect(status).toBe(500);
    expect(message).toContain("etc/sources can only be read (EROFS); mount it writable");
    expect(message).not.toContain(server.base);
    expect(await ran()).toBe("");
    expect(await traces()).toEqual([]);
  });
});

describe.skipIf(!CAN_MOUNT)("files mounted by themselves", () => {
  it("configuration stays its user's in every change, with the default beside it", async () => {
    await mount(YAML, { content: "mounted\n" });
    expect(await install()).toEqual([201, expect.anything()]);
    expect([await text(YAML), await text(`${YAML}.new`)]).toEqual(["mounted\n", "default: 1.0.0\n"]);
    expect((await update("2.0.0"))[0]).toBe(200);
    expect([await text(YAML), await text(`${YAML}.new`)]).toEqual(["mounted\n", "default: 2.0.0\n"]);
    expect((await post(`${server.url}/plugins/sources/random/rollback`, {}))[0]).toBe(200);
    expect([await text(YAML), await text(`${YAML}.new`)]).toEqual(["mounted\n", "default: 1.0.0\n"]);
    expect(await uninstall()).toEqual([200, expect.anything()]);
    expect(await traces()).toEqual([YAML]);
    expect(await text(YAML)).toBe("mounted\n");
  });

  it.each([
    [SO, "plugins/sources"],
    ["plugins/registry.json", "plugins"],
  ])("%s is named before anything runs", async (path, folder) => {
    expect((await install())[0]).toBe(201);
    await mount(path, { content: await text(path) });
    const before = await ran();
    const advice = `${path} is mounted by itself and can't be replaced; unmount it, and mount the folder ${folder} instead`;
    for (const [status, message] of [await update("2.0.0"), await uninstall()]) {
      expect([status, message]).toEqual([500, expect.stringContaining(advice)]);
    }
    expect(await ran()).toBe(before);
    expect(await readdir(join(server.base, "plugins/.changes"))).toEqual([]);
    expect(await ask(`${server.url}/plugins/sources`)).toEqual([200, '["random"]']);
  });
});
