import { chmod, chown, mkdir, readdir, readFile, rename, rm, rmdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { PluginEntry } from "../../src/domain/plugin-entry.ts";
import { Layout } from "../../src/store/layout.ts";
import type { PluginStore } from "../../src/store/plugin-store.ts";
import { ERROR, WARN } from "../support/test-log.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";
import { type Tree, writeTree } from "../support/tree.ts";
import { NOBODY, withoutRoot } from "../support/without-root.ts";
import {
  baseFolder,
  EXTRA,
  entryOf,
  filesOf,
  fillButFor,
  install,
  inWorkspace,
  RANDOM,
  remove,
  SO,
  stageFiles,
  start,
  visible,
  YAML,
} from "./kit.ts";

const FILES = { [SO]: "so", [YAML]: "yaml", [EXTRA]: "ca" };
const FOLDERS: Tree = Object.fromEntries(
  ["plugins/", "etc/"].flatMap((volume) =>
    ["", "sources/", "sinks/", "functions/"].map((type) => [volume + type, null]),
  ),
);
const FOLDERS_OF_EXTRA: Tree = { "etc/sources/random/": null, "etc/sources/random/certs/": null };

/** A started store over these files. */
async function open(files: Tree = {}) {
  const layout = await baseFolder(files);
  return { layout, ...(await start(layout)) };
}

/** Runs a change that must fail, and shows that it changed nothing, on the disk and in the list, now and later. */
async function expectNoChange(
  layout: Layout,
  store: PluginStore,
  change: () => Promise<unknown>,
  error: { code: string; message?: unknown },
): Promise<void> {
  const before = { tree: await visible(layout), names: store.names("sources"), entry: store.get(RANDOM) };
  await expect(change()).rejects.toMatchObject(error);
  const after = { tree: await visible(layout), names: store.names("sources"), entry: store.get(RANDOM) };
  expect(after).toEqual(before);
}

describe("open", () => {
  it("makes the folders that are missing", async () => {
    const { layout, lines } = await open();
    expect(await visible(layout)).toEqual(FOLDERS);
    expect(lines).toEqual([]);
  });

  it("makes them where the base folder itself is missing, and where a volume is a link", async () => {
    const layout = new Layout(join((await baseFolder()).base, "a/b"));
    await start(layout);
    expect(await visible(layout)).toEqual(FOLDERS);

    const linked = await baseFolder({ "elsewhere/": null, plugins: "-> elsewhere" });
    const { store } = await start(linked);
    await install(store, RANDOM, FILES);
    expect(await visible(linked)).toMatchObject({ "elsewhere/sources/Random@v1.0.0.so": "so" });
  });

  it("does not fail where a folder can't be made; what is installed can be listed", async () => {
    const { layout, store } = await open();
    await install(store, RANDOM, FILES);
    await writeFile(join(layout.base, "keep"), "");
    await rm(join(layout.base, "etc"), { recursive: true });
    await rename(join(layout.base, "keep"), join(layout.base, "etc"));
    const again = await start(layout);
    expect(again.store.names("sources")).toEqual(["random"]);
    expect(again.lines).toContainEqual(expect.objectContaining({ level: ERROR, err: expect.anything() }));
  });
});

describe("an install", () => {
  it("has every file in place, is listed, and leaves nothing else", async () => {
    const { layout, store } = await open();
    await install(store, RANDOM, FILES);
    expect(await visible(layout)).toEqual({ ...FOLDERS, ...FOLDERS_OF_EXTRA, ...FILES });
    expect(store.names("sources")).toEqual(["random"]);
    expect(store.count()).toBe(1);
    expect(store.get(RANDOM)?.files.map(({ path }) => path)).toEqual([SO, YAML, EXTRA]);

    const again = await start(layout);
    expect(again.store.get(RANDOM)).toEqual(store.get(RANDOM));
    expect(again.lines).toEqual([]);
  });

  it("keeps the modes of the prepared files", async () => {
    const { layout, store } = await open();
    await inWorkspace(store, RANDOM, async (workspace) => {
      const { path, name } = workspace.stage(SO);
      await writeFile(path, "so", { mode: 0o755 });
      const entry = { version: "", soFile: "Random@v1.0.0.so", files: [{ path: SO }] };
      const files = [{ target: SO, name, sha256: "", bytes: 2 }];
      await store.replace(RANDOM, { old: undefined, entry, files }, workspace);
    });
    expect((await stat(layout.absolute(SO))).mode & 0o777).toBe(0o755);
  });

  it("replaces files, and keeps what they were if it was something else", async () => {
    const { layout, store } = await open({ [YAML]: "old", [EXTRA]: "ca" });
    await install(store, RANDOM, FILES);
    expect(filesOf(await visible(layout))).toEqual({ ...FILES, [`${YAML}.bak`]: "old" });
  });

  it("replaces a link and does not write through it", async () => {
    const { layout, store } = await open({ "outside/file": "kept", [YAML]: "-> ../../outside/file" });
    await install(store, RANDOM, FILES);
    const link = { [`${YAML}.bak`]: "-> ../../outside/file" };
    expect(filesOf(await visible(layout))).toEqual({ ...FILES, ...link, "outside/file": "kept" });
  });

  it.skipIf(!CAN_MOUNT)("works where plugins and etc are two volumes, and is undone on both", async () => {
    const layout = await baseFolder({ etc: `-> ${tinyDisk(1024 * 1024).folder}` });
    const { store } = await start(layout);
    await writeFile(layout.absolute(YAML), "old");
    await mkdir(layout.registryFile);
    await expectNoChange(layout, store, () => install(store, RANDOM, FILES), { code: "STORAGE_FAILED" });
    expect(await readFile(layout.absolute(YAML), "utf8")).toBe("old");

    await rmdir(layout.registryFile);
    await install(store, RANDOM, FILES);
    for (const [path, content] of Object.entries(FILES)) {
      expect(await readFile(join(layout.base, path), "utf8")).toBe(content);
    }
    await remove(store, RANDOM);
    expect(await readdir(join(layout.base, "etc/sources"))).toEqual(["random.yaml"]);
    expect(await readFile(layout.absolute(YAML), "utf8")).toBe("old"); // what the install displaced is back
    expect(await readdir(layout.changesFolder("etc"))).toEqual([]);
  });

  it("of many plugins at once is one registry and all files", async () => {
    const { layout, store } = await open();
    const names = Array.from({ length: 50 }, (_, index) => `plugin${index}`);
    await Promise.all(
      names.map((name) => install(store, { type: "sinks", name }, { [`plugins/sinks/${name}.so`]: name })),
    );
    expect(store.names("sinks")).toEqual(names.sort());
    expect(filesOf(await visible(layout))).toEqual(
      Object.fromEntries(names.map((name) => [`plugins/sinks/${name}.so`, name])),
    );
  });
});

describe("a removal", () => {
  it("takes every file and the plugin's own folders, and nothing else", async () => {
    const { layout, store } = await open({ "etc/sources/other.yaml": "other", "etc/kuiper.yaml": "" });
    const before = await visible(layout);
    await install(store, RANDOM, FILES);
    await remove(store, RANDOM);
    expect(await visible(layout)).toEqual(before);
    expect(store.names("sources")).toEqual([]);
    expect((await start(layout)).store.names("sources")).toEqual([]);
  });

  it("leaves a folder in which a user has files", async () => {
    const { layout, store } = await open();
    await install(store, RANDOM, FILES);
    await writeTree(layout.base, { "etc/sources/random/mine": "mine" });
    await remove(store, RANDOM);
    expect(filesOf(await visible(layout))).toEqual({ "etc/sources/random/mine": "mine" });
  });

  it.each([
    ["a file", [YAML]],
    ["the .so", [SO]],
    ["everything", ["plugins/sources", "etc"]],
    ["a folder", ["etc/sources/random"]],
  ])("succeeds where %s is already gone, and makes no folders", async (_, gone) => {
    const { layout, store } = await open();
    await install(store, RANDOM, FILES);
    for (const path of gone) await rm(join(layout.base, path), { recursive: true });
    await remove(store, RANDOM);
    expect(filesOf(await visible(layout))).toEqual({});
    expect(await visible(layout)).not.toHaveProperty("etc/sources/random/");
    expect(store.names("sources")).toEqual([]);
  });

  it("takes every other .so of the name, or the engine would still load it", async () => {
    const { layout, store } = await open();
    await install(store, RANDOM, FILES);
    await writeTree(layout.base, { "plugins/sources/random.so": "by hand", "plugins/sources/randomize.so": "other" });
    await remove(store, RANDOM);
    expect(filesOf(await visible(layout))).toEqual({ "plugins/sources/randomize.so": "other" });
  });

  it("takes a link, not what it points to", async () => {
    const { layout, store } = await open({ "outside/file": "kept" });
    await install(store, RANDOM, FILES);
    await rm(layout.absolute(YAML));
    await symlink("../../outside/file", layout.absolute(YAML));
    await remove(store, RANDOM);
    const link = { [`${YAML}.bak`]: "-> ../../outside/file" };
    expect(filesOf(await visible(layout))).toEqual({ ...link, "outside/file": "kept" });
  });
});

describe("a change that fails changes nothing", () => {
  it("because a prepared file is missing", async () => {
    const { layout, store } = await open({ [YAML]: "old" });
    const change = () =>
      inWorkspace(store, RANDOM, async (workspace) => {
        const files = await stageFiles(FILES, workspace);
        await rm(workspace.file("etc", files.at(-1)?.name ?? ""));
        await store.replace(RANDOM, { old: undefined, entry: entryOf(FILES, workspace.id), files }, workspace);
      });
    await expectNoChange(layout, store, change, { code: "STORAGE_FAILED" });
    await install(store, RANDOM, FILES);
  });

  it("because the work before it throws", async () => {
    const { layout, store } = await open();
    const change = () =>
      inWorkspace(store, RANDOM, async (workspace) => {
        await stageFiles(FILES, workspace);
        throw Object.assign(new Error("script"), { code: "SCRIPT_FAILED" });
      });
    await expectNoChange(layout, store, change, { code: "SCRIPT_FAILED", message: "script" });
  });

  it.each(["install", "remove"])("because the registry can't be written: %s", async (kind) => {
    const { layout, store } = await open({ [YAML]: "old" });
    if (kind === "remove") await install(store, RANDOM, FILES);
    await rm(layout.registryFile, { force: true });
    await mkdir(layout.registryFile);
    const change = () => (kind === "install" ? install(store, RANDOM, FILES) : remove(store, RANDOM));
    await expectNoChange(layout, store, change, { code: "STORAGE_FAILED" });

    await rm(layout.registryFile, { recursive: true });
    await change();
    expect(store.names("sources")).toEqual(kind === "install" ? ["random"] : []);
  });

  it.each<[string, Tree]>([
    ["a folder of the plugin is a link", { "etc/sources/random": "-> ../../outside" }],
    ["a folder in it is a link", { "etc/sources/random/certs": "-> ../../../outside" }],
    ["a folder in it is a link to nothing", { "etc/sources/random/certs": "-> nowhere" }],
    ["a folder in it is a file", { "etc/sources/random/certs": "mine" }],
    ["the folder of its type is a link", { "etc/sources": "-> ../outside" }],
    ["the folder of its type is a link to nothing", { "etc/sources": "-> nowhere" }],
    ["the folder of its type is a file", { "etc/sources": "mine" }],
    ["the .so's folder is a link", { "plugins/sources": "-> ../outside" }],
  ])("because %s", async (_, files) => {
    const { layout, store } = await open({ "outside/certs/": null, ...files });
    await expectNoChange(layout, store, () => install(store, RANDOM, FILES), { code: "STORAGE_FAILED" });
  });

  it.each([
    ["empty", SO, { [`${SO}/`]: null }],
    ["full", YAML, { [`${YAML}/mine`]: "mine" }],
    ["deep", EXTRA, { [`${EXTRA}/`]: null }],
  ])("because a folder has the name of a file: an %s one", async (_, path, files) => {
    const { layout, store } = await open(files);
    await expectNoChange(layout, store, () => install(store, RANDOM, FILES), {
      code: "STORAGE_FAILED",
      message: `${path} is a folder; move it away and try again`,
    });
  });

  it("because a link has taken the place of a folder of an installed plugin: nothing behind it is removed", async () => {
    const { layout, store } = await open({ "outside/certs/ca.pem": "another's" });
    await install(store, RANDOM, FILES);
    await rm(join(layout.base, "etc/sources/random"), { recursive: true });
    await symlink("../../outside", join(layout.base, "etc/sources/random"));
    await expectNoChange(layout, store, () => remove(store, RANDOM), {
      code: "STORAGE_FAILED",
      message: expect.stringMatching(/^etc\/sources\/random is not a folder but a link or a file; move it away/),
    });
  });

  it("because a volume has vanished or is a file", async () => {
    const { layout, store } = await open();
    await rename(join(layout.base, "etc"), join(layout.base, "etc-away"));
    await writeFile(join(layout.base, "etc"), "");
    await expectNoChange(layout, store, () => install(store, RANDOM, FILES), { code: "STORAGE_FAILED" });
  });

  describe.skipIf(!CAN_MOUNT)("on a small disk", () => {
    it("because it is full, with every byte of space at which that can happen", async () => {
      const disk = tinyDisk(256 * 1024);
      const layout = new Layout(disk.folder);
      await writeTree(layout.base, { [YAML]: "old", "plugins/filler": "" });
      const { store } = await start(layout);
      let refused = 0;
      for (let pages = 64; pages >= 0; pages -= 1) {
        await fillButFor(pages, layout);
        const before = filesOf(await visible(layout));
        const error = await install(store, RANDOM, FILES).catch((error: unknown) => error);
        if (error instanceof Error) {
          refused += 1;
          expect(error).toMatchObject({ name: "PluginError", code: "STORAGE_FULL" });
          expect(filesOf(await visible(layout)), `${pages} pages free`).toEqual(before);
          expect(store.names("sources")).toEqual([]);
        } else {
          await remove(store, RANDOM); // brings the old file back
          expect(await readFile(layout.absolute(YAML), "utf8")).toBe("old");
        }
        await rm(join(layout.base, "plugins/filler"));
      }
      expect(refused).toBeGreaterThan(0);
      expect(refused).toBeLessThan(64);
      await install(store, RANDOM, FILES);
      expect((await start(layout)).store.names("sources")).toEqual(["random"]);
    });

    it("because it was made read-only; the start works, and lists what is there", async () => {
      const disk = tinyDisk(1024 * 1024);
      const layout = new Layout(disk.folder);
      const { store: first } = await start(layout);
      await install(first, RANDOM, FILES);
      await writeTree(layout.base, { "plugins/sinks/file.so": "by hand" });

      disk.setReadOnly(true);
      const { store } = await start(layout);
      expect([store.names("sources"), store.names("sinks")]).toEqual([["random"], ["file"]]);
      await expectNoChange(layout, store, () => remove(store, RANDOM), { code: "STORAGE_FAILED" });
      const other = { type: "sources", name: "other" } as const;
      await expectNoChange(layout, store, () => install(store, other, {}), { code: "STORAGE_FAILED" });

      disk.setReadOnly(false);
      await remove(store, RANDOM);
      expect((await start(layout)).store.names("sources")).toEqual([]);
    });
  });
});

describe("lookUp", () => {
  it("finds what is installed, and nothing where nothing is", async () => {
    const { store } = await open();
    expect(await store.lookUp(RANDOM)).toBeUndefined();
    await install(store, RANDOM, FILES);
    expect(await store.lookUp(RANDOM)).toEqual(store.get(RANDOM));
  });

  it("adopts a plugin that was copied in since the start, with its configuration", async () => {
    const { layout, store } = await open();
    await writeTree(layout.base, { "plugins/sources/random.so": "so", [YAML]: "yaml" });
    expect(store.names("sources")).toEqual([]);
    const adopted = {
      version: "",
      soFile: "random.so",
      files: [{ path: "plugins/sources/random.so" }, { path: YAML }],
    };
    expect(await store.lookUp(RANDOM)).toEqual(adopted);
    expect(store.names("sources")).toEqual(["random"]);
    await remove(store, RANDOM);
    expect(filesOf(await visible(layout))).toEqual({ [`${YAML}.bak`]: "yaml" });
  });
});

describe("what is found out about a plugin", () => {
  const other = { type: "sinks", name: "other" } as const;

  it("is recorded, and its files stay as they are", async () => {
    const { layout, store } = await open();
    const entry = await install(store, RANDOM, FILES);
    await store.updateEntry(RANDOM, { ...entry, functions: ["f"] });
    expect(store.get(RANDOM)).toEqual({ ...entry, functions: ["f"] });
    expect((await start(layout)).store.get(RANDOM)).toEqual({ ...entry, functions: ["f"] });
    expect(filesOf(await visible(layout))).toEqual(FILES);
  });

  it("is recorded for those plugins that did not change meanwhile", async () => {
    const { layout, store } = await open();
    const [from, fromOther] = [await install(store, RANDOM, FILES), await install(store, other, {})];
    const refresh = (entry: PluginEntry) => ({ ...entry, exports: ["found out"] });
    const changed = await install(store, RANDOM, { ...FILES, [YAML]: "yaml 2" });
    await store.refreshEntries([
      { id: RANDOM, from, to: refresh(from) },
      { id: other, from: fromOther, to: refresh(fromOther) },
    ]);
    expect(store.get(RANDOM)).toEqual(changed);
    expect(store.get(other)).toEqual(refresh(fromOther));
    expect(store.entries("sinks").get("other")).toEqual(refresh(fromOther));
    expect(filesOf(await visible(layout))).toEqual({ ...FILES, [YAML]: "yaml 2" });
  });

  it("is no failure where it can't be recorded, unless somebody ordered it", async () => {
    const { layout, store, lines } = await open();
    const from = await install(store, RANDOM, FILES);
    await rm(layout.registryFile);
    await mkdir(layout.registryFile);
    await store.refreshEntries([{ id: RANDOM, from, to: { ...from, functions: ["f"] } }]);
    expect(lines).toMatchObject([{ level: WARN }]);
    await store.refreshEntries([]);
    expect(lines).toHaveLength(1);
    await expect(store.updateEntry(RANDOM, from)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(store.get(RANDOM)).toEqual(from);
  });
});

it("ends a change before the next one, when the disk did not let it", async () => {
  const { layout } = await open({ [YAML]: "old" });
  await giveAway(layout.base);
  const soFolder = join(layout.base, "plugins/sources");
  await withoutRoot(async () => {
    const { store, lines } = await start(layout);
    const before = await visible(layout);
    await chmod(soFolder, 0o333); // files can be moved into it and out of it, but it can't be opened to be synced
    await expect(install(store, RANDOM, FILES)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(lines).toMatchObject([{ level: ERROR, plugin: RANDOM }]);
    await expect(store.lookUp(RANDOM)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(install(store, RANDOM, FILES)).rejects.toMatchObject({ code: "STORAGE_FAILED" });

    await chmod(soFolder, 0o755);
    expect(await readdir(layout.changesFolder("plugins"))).toHaveLength(1);
    expect(await store.lookUp(RANDOM)).toBeUndefined();
    expect(await visible(layout)).toEqual(before);
    await install(store, RANDOM, FILES);
    expect(filesOf(await visible(layout))).toEqual({ ...FILES, [`${YAML}.bak`]: "old" });
  });
});

async function giveAway(base: string): Promise<void> {
  for (const path of ["", ...(await readdir(base, { recursive: true }))]) {
    if (process.getuid?.() === 0) await chown(join(base, path), NOBODY, NOBODY);
  }
}
