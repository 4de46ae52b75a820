import {
  appendFile,
  chmod,
  link,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { FilePath } from "../../../src/domain/plugin.ts";
import type { PluginEntry } from "../../../src/domain/plugin-entry.ts";
import { WARN } from "../../support/test-log.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import {
  baseFolder,
  EXTRA,
  expectKeptAsRecorded,
  install,
  installed,
  keptTexts,
  NEW_YAML,
  RANDOM,
  remove,
  rollBack,
  SO,
  SO_2,
  sha256Of,
  start,
  visible,
  YAML,
} from "../kit.ts";

const V1 = { [SO]: "so 1", [YAML]: "yaml 1", [EXTRA]: "ca 1" };
const V2 = { [SO_2]: "so 2", [YAML]: "yaml 2", [EXTRA]: "ca 2" };

async function open(files: Tree = {}, keepVersions = 2) {
  const layout = await baseFolder(files);
  return { layout, ...(await start(layout, keepVersions)) };
}

/** A store in which version 1 is installed, and what a user did to its files since. */
async function withV1(edits: Tree = {}, gone: readonly string[] = [], keepVersions = 2) {
  const opened = await open({}, keepVersions);
  await install(opened.store, RANDOM, V1);
  for (const path of gone) await rm(opened.layout.absolute(path as FilePath));
  await writeTree(opened.layout.base, edits);
  return opened;
}

function labels({ versions = [] }: PluginEntry): string[] {
  return versions.map(({ version }) => version);
}

describe("an update", () => {
  it("puts every file into the place of the old one, and keeps that", async () => {
    const { layout, store } = await withV1();
    const before = store.get(RANDOM);
    const entry = await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual(V2);
    expect(store.get(RANDOM)).toEqual(entry);
    expect(entry).toMatchObject({ version: "2.0.0", soFile: "Random@v2.0.0.so", change: expect.any(String) });
    const { change: _, changedAt: __, ...v1 } = before as PluginEntry;
    expect(entry.versions).toEqual([{ ...v1, id: expect.stringMatching(/^[0-9a-f]{12}$/) }]);
    expect(await keptTexts(layout, "plugins")).toEqual(["so 1"]);
    expect(await keptTexts(layout, "etc")).toEqual(["ca 1", "ca 2", "yaml 1", "yaml 2"]);

    const again = await start(layout, 2);
    expect(again.lines).toEqual([]);
    expect(again.store.get(RANDOM)).toEqual(entry);
    await expectKeptAsRecorded(layout, again.store);
  });

  it("replaces a .so of the same name, and does not change the old one by that", async () => {
    const { layout, store } = await withV1();
    await install(store, RANDOM, { ...V1, [SO]: "so 1, built again" });
    expect(await installed(layout)).toEqual({ ...V1, [SO]: "so 1, built again" });
    expect(await keptTexts(layout, "plugins")).toEqual(["so 1"]);
  });

  it("takes any other .so of the name with it, or the engine might load that; a rollback brings it back", async () => {
    const { layout, store } = await withV1({
      "plugins/sources/random.so": "by hand",
      "plugins/sources/randomize.so": "",
    });
    await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual({ ...V2, "plugins/sources/randomize.so": "" });
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual({
      ...V1,
      "plugins/sources/random.so": "by hand",
      "plugins/sources/randomize.so": "",
    });
  });

  it("takes files that the new version has not, and the folders that are empty then", async () => {
    const { layout, store } = await withV1();
    await install(store, RANDOM, { [SO_2]: "so 2", [YAML]: "yaml 2" });
    expect(await installed(layout)).toEqual({ [SO_2]: "so 2", [YAML]: "yaml 2" });
    expect(await readdir(join(layout.base, "etc/sources"))).toEqual(["random.yaml"]);
  });

  it("to the same files adds no version, and repairs what is damaged", async () => {
    const { layout, store } = await withV1();
    await chmod(layout.absolute(SO), 0o600);
    await install(store, RANDOM, V1);
    expect(labels(store.get(RANDOM) as PluginEntry)).toEqual([]);
    expect(await keptTexts(layout, "plugins")).toEqual([]);
    await rm(layout.absolute(SO));
    await install(store, RANDOM, V1);
    expect(await installed(layout)).toEqual(V1);
    expect(labels(store.get(RANDOM) as PluginEntry)).toEqual([]);
  });

  it("to a version that is kept takes it from those that are", async () => {
    const { layout, store } = await withV1();
    await install(store, RANDOM, V2);
    const entry = await install(store, RANDOM, V1);
    expect(labels(entry)).toEqual(["2.0.0"]);
    await expectKeptAsRecorded(layout, store);
  });

  it.each([
    [0, []],
    [1, ["3.0.0"]],
    [2, ["3.0.0", "2.0.0"]],
    [100, ["3.0.0", "2.0.0", "1.0.0"]],
  ])("keeps the last %i versions", async (keep, kept) => {
    const { layout, store } = await open({}, keep);
    for (const version of [1, 2, 3, 4]) {
      await install(store, RANDOM, { [`plugins/sources/Random@v${version}.0.0.so`]: `so ${version}`, [YAML]: "yaml" });
    }
    const entry = store.get(RANDOM) as PluginEntry;
    expect(labels(entry)).toEqual(kept);
    expect("versions" in entry).toBe(keep > 0);
    expect(await keptTexts(layout, "plugins")).toHaveLength(kept.length);
    expect(await keptTexts(layout, "etc")).toEqual(keep > 0 ? ["yaml"] : []);
    await expectKeptAsRecorded(layout, store);
  });

  it("says that a version whose .so is gone is not kept", async () => {
    const { layout, store, lines } = await withV1({}, [SO]);
    const entry = await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual(V2);
    expect(labels(entry)).toEqual([]);
    expect(lines).toContainEqual(expect.objectContaining({ level: WARN, plugin: RANDOM, version: "1.0.0" }));
    await expectKeptAsRecorded(layout, store);
  });
});

describe("a .so that is not as it was installed is kept as it is", () => {
  it.each<[string, (file: string) => Promise<unknown>, string]>([
    ["of another size", (file) => appendFile(file, ", patched"), "so 1, patched"],
    ["of another size, but as old", (file) => replaceAt(file, "so 1, patched", new Date(0)), "so 1, patched"],
    ["of the same size, but younger", (file) => replaceAt(file, "SO 1", new Date(Date.now() + 1000)), "SO 1"],
    ["cut short", (file) => truncate(file, 2), "so"],
  ])("%s", async (_, edit, content) => {
    const { layout, store } = await withV1();
    await edit(layout.absolute(SO));
    const entry = await install(store, RANDOM, V2);
    expect(await keptTexts(layout, "plugins")).toEqual([content]);
    expect(entry.versions?.[0]?.files).toContainEqual({ path: SO, sha256: sha256Of(content), bytes: content.length });
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual({ ...V1, [SO]: content });
  });

  async function replaceAt(file: string, content: string, time: Date): Promise<void> {
    await writeFile(file, content);
    await utimes(file, time, time);
  }

  it("a link to one, with what it leads to, which stays where it is", async () => {
    const { layout, store } = await open({ "lib/x.so": "linked", "plugins/sources/random.so": "-> ../../lib/x.so" });
    await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual({ ...V2, "lib/x.so": "linked" });
    expect(await keptTexts(layout, "plugins")).toEqual(["linked"]);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual({
      "lib/x.so": "linked",
      "plugins/sources/random.so": "linked",
    });
  });

  it("not a link to nothing", async () => {
    const { layout, store } = await withV1();
    await rm(layout.absolute(SO));
    await symlink("nowhere", layout.absolute(SO));
    expect(labels(await install(store, RANDOM, V2))).toEqual([]);
    expect(await installed(layout)).toEqual(V2);
  });
});

const EDITS: [string, Tree, readonly string[], Tree][] = [
  ["an edited file, with the new default beside it", { [YAML]: "mine" }, [], { [YAML]: "mine", [NEW_YAML]: "yaml 2" }],
  ["one that was edited to be as the new default", { [YAML]: "yaml 2" }, [], {}],
  ["a link", { [YAML]: "-> ../elsewhere" }, [YAML], { [YAML]: "-> ../elsewhere", [NEW_YAML]: "yaml 2" }],
  ["a removed file as the new default", {}, [YAML], {}],
  ["a file deeper", { [EXTRA]: "mine" }, [], { [EXTRA]: "mine", [`${EXTRA}.new`]: "ca 2" }],
  [
    "what a user has at the name of the new default",
    { [YAML]: "mine", [NEW_YAML]: "mine too" },
    [],
    { [YAML]: "mine", [NEW_YAML]: "yaml 2", [`${NEW_YAML}.bak`]: "mine too" },
  ],
  [
    "a link at the name of the new default",
    { [YAML]: "mine", [NEW_YAML]: "-> x" },
    [],
    { [YAML]: "mine", [NEW_YAML]: "yaml 2", [`${NEW_YAML}.bak`]: "-> x" },
  ],
  ["a .new beside a file that nobody edited", { [NEW_YAML]: "mine" }, [], { [NEW_YAML]: "mine" }],
  ["files of users' own", { "etc/sources/random/mine": "mine" }, [], { "etc/sources/random/mine": "mine" }],
];

describe("an update leaves to users what is theirs:", () => {
  it.each(EDITS)("%s", async (_, edits, gone, after) => {
    const { layout, store } = await withV1(edits, gone);
    const entry = await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual({ ...V2, ...after });
    expect(entry.files).toContainEqual({ path: YAML, sha256: sha256Of("yaml 2"), bytes: 6 });
    const beside = entry.files.filter(({ defaultOf }) => defaultOf !== undefined);
    const laid = Object.keys(after).filter((path) => path.endsWith(".new") && after[path] !== "mine");
    expect(beside.map(({ path }) => path)).toEqual(laid);
    await expectKeptAsRecorded(layout, store);

    // Nor does the same update once more change anything.
    await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual({ ...V2, ...after });
    await expectKeptAsRecorded(layout, store);
  });

  it.each(EDITS)("keeps versions none the worse, and leaves the same: %s", async (_, edits, gone, after) => {
    const { layout, store } = await withV1(edits, gone, 0);
    await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual({ ...V2, ...after });
    await expectKeptAsRecorded(layout, store);
  });

  it("an edited file that the new version has not stays; the others go", async () => {
    const { layout, store } = await withV1({ [EXTRA]: "mine" });
    await install(store, RANDOM, { [SO_2]: "so 2" });
    expect(await installed(layout)).toEqual({ [SO_2]: "so 2", [EXTRA]: "mine" });
  });

  it("a file where the new version has one, and the old one had none", async () => {
    const other = "etc/sources/random/other";
    const { layout, store } = await withV1({ [other]: "mine" });
    await install(store, RANDOM, { ...V2, [other]: "shipped" });
    expect(await installed(layout)).toEqual({ ...V2, [other]: "mine", [`${other}.new`]: "shipped" });
  });

  it("an older .new that nobody edited goes with its version, or is replaced", async () => {
    const { layout, store } = await withV1({ [YAML]: "mine" });
    await install(store, RANDOM, V2);
    await install(store, RANDOM, { ...V2, [YAML]: "yaml 3" });
    expect(await installed(layout)).toEqual({ ...V2, [YAML]: "mine", [NEW_YAML]: "yaml 3" });
    await writeFile(layout.absolute(YAML), "yaml 3");
    await install(store, RANDOM, { ...V2, [YAML]: "yaml 4" });
    expect(await installed(layout)).toEqual({ ...V2, [YAML]: "yaml 4" });
    await expectKeptAsRecorded(layout, store);
  });

  it("a .new that a user edited is kept beside the newer one", async () => {
    const { layout, store } = await withV1({ [YAML]: "mine" });
    await install(store, RANDOM, V2);
    await writeFile(layout.absolute(NEW_YAML), "half merged");
    await install(store, RANDOM, { ...V2, [YAML]: "yaml 3" });
    expect(await installed(layout)).toEqual({
      ...V2,
      [YAML]: "mine",
      [NEW_YAML]: "yaml 3",
      [`${NEW_YAML}.bak`]: "half merged",
    });
  });

  it("names that have no room for .new, and names that a version ships", async () => {
    const folder = "etc/sources/random";
    const stem = `${folder}/${"ü".repeat(125)}`;
    const long = [`${stem}.txt`, `${stem}.csv`]; // 254 bytes, and the same when they are shortened
    const shipped = (version: number) =>
      Object.fromEntries([...long, `${folder}/a`, `${folder}/a.new`].map((path) => [path, `${path} ${version}`]));
    const { layout, store } = await open();
    await install(store, RANDOM, { [SO]: "so", ...shipped(1) });
    for (const path of [...long, `${folder}/a`]) await writeFile(layout.absolute(path as FilePath), `mine ${path}`);
    const { files } = await install(store, RANDOM, { [SO]: "so", ...shipped(2) });
    const after = await installed(layout);
    for (const path of [...long, `${folder}/a`]) {
      expect(after[path]).toBe(`mine ${path}`);
      const beside = files.filter(({ defaultOf }) => defaultOf === path).map((file) => after[file.path]);
      expect(beside).toEqual([`${path} 2`]);
    }
    expect(after[`${folder}/a.new`]).toBe(`${folder}/a.new 2`);
    expect(after[`${folder}/a.new.1`]).toBe(`${folder}/a 2`);
    await expectKeptAsRecorded(layout, store);
  });
});

describe("a delete", () => {
  it("takes the defaults beside edited files and all that is kept, and leaves what users wrote as .bak", async () => {
    const { layout, store } = await withV1({ [YAML]: "mine" });
    await install(store, RANDOM, V2);
    await writeFile(layout.absolute(EXTRA), "my ca");
    await install(store, RANDOM, { ...V2, [EXTRA]: "ca 3" });
    await writeFile(layout.absolute(`${EXTRA}.new`), "my new ca");
    await remove(store, RANDOM);
    expect(await installed(layout)).toEqual({
      [`${YAML}.bak`]: "mine",
      [`${EXTRA}.bak`]: "my ca",
      [`${EXTRA}.new.bak`]: "my new ca",
    });
    expect([await keptTexts(layout, "plugins"), await keptTexts(layout, "etc")]).toEqual([[], []]);
  });
});

describe("an adopted plugin", () => {
  it("is kept as it is; its configuration is its user's before and after a rollback", async () => {
    const adopted = { "plugins/sources/random.so": "by hand", [YAML]: "mine" };
    const { layout, store } = await open(adopted);
    const entry = await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual({ ...V2, [YAML]: "mine", [NEW_YAML]: "yaml 2" });
    expect(entry.versions).toMatchObject([
      {
        soFile: "random.so",
        files: [{ path: "plugins/sources/random.so", sha256: sha256Of("by hand") }, { path: YAML }],
      },
    ]);
    await expectKeptAsRecorded(layout, store);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(adopted);
    await expectKeptAsRecorded(layout, store);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual({ ...V2, [YAML]: "mine", [NEW_YAML]: "yaml 2" });
  });

  it("shares no configuration with what is kept, also when the default has to be kept anew", async () => {
    const { layout, store } = await open({ "plugins/sources/random.so": "by hand", [YAML]: "yaml 2" });
    await install(store, RANDOM, V2);
    await rm(layout.keptFile("etc", sha256Of("yaml 2")));
    await rollBack(store, RANDOM);
    await expectKeptAsRecorded(layout, store); // looks at the number of names
    expect(await installed(layout)).toEqual({ "plugins/sources/random.so": "by hand", [YAML]: "yaml 2" });
  });

  it("of several .so files is kept with all of them", async () => {
    const adopted = { "plugins/sources/Random.so": "a", "plugins/sources/Random@v1.so": "b" };
    const { layout, store } = await open(adopted);
    await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual(V2);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(adopted);
    await expectKeptAsRecorded(layout, store);
  });
});

it("is undone when the registry can't be written, and nothing is kept for it", async () => {
  const { layout, store } = await withV1({ [YAML]: "mine" });
  const whole = await readFile(layout.registryFile);
  const before = { tree: await visible(layout), entry: store.get(RANDOM) };
  await rm(layout.registryFile);
  await writeTree(layout.registryFile, { "in-the-way": "" });
  await expect(install(store, RANDOM, V2)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  await rm(layout.registryFile, { recursive: true });
  await writeFile(layout.registryFile, whole);
  expect({ tree: await visible(layout), entry: store.get(RANDOM) }).toEqual(before);
  await expectKeptAsRecorded(layout, store);
  await install(store, RANDOM, V2);
  expect(await installed(layout)).toEqual({ ...V2, [YAML]: "mine", [NEW_YAML]: "yaml 2" });
});

it("shares no file with what users edit in place, whether or not an update comes through", async () => {
  const { layout, store } = await withV1();
  await link(layout.absolute(SO), join(layout.base, "plugins/other-name-of-the-so"));
  await install(store, RANDOM, V2);
  await rm(join(layout.base, "plugins/other-name-of-the-so"));
  await writeTree(layout.base, { "plugins/sources/Random@v3.0.0.so/": null }); // in the way of the next one
  await expect(install(store, RANDOM, { "plugins/sources/Random@v3.0.0.so": "so 3" })).rejects.toThrow("is a folder");
  await expectKeptAsRecorded(layout, store); // looks at the number of names
  expect((await stat(layout.absolute(SO_2))).nlink).toBe(1);
  expect(await readFile(layout.absolute(SO_2), "utf8")).toBe("so 2");
});
