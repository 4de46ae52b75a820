import { chmod, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { FilePath } from "../../../src/domain/plugin.ts";
import type { KeptVersion, PluginEntry } from "../../../src/domain/plugin-entry.ts";
import { Layout } from "../../../src/store/layout.ts";
import type { PluginStore } from "../../../src/store/plugin-store.ts";
import { findVersion } from "../../../src/store/versions/version-list.ts";
import { CAN_MOUNT, tinyDisk } from "../../support/tiny-disk.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import {
  baseFolder,
  EXTRA,
  expectKeptAsRecorded,
  fillButFor,
  install,
  installed,
  inWorkspace,
  keptTexts,
  NEW_YAML,
  RANDOM,
  rollBack,
  SO,
  SO_2,
  sha256Of,
  start,
  visible,
  YAML,
} from "../kit.ts";

const V1 = { [SO]: "so 1", [YAML]: "yaml 1", [EXTRA]: "ca 1" };
const V2 = { [SO_2]: "so 2", [YAML]: "yaml 2" };

/** A store in which version 2 has taken the place of version 1. */
async function withV2(keepVersions = 2) {
  const layout = await baseFolder();
  const { store, lines } = await start(layout, keepVersions);
  await install(store, RANDOM, V1);
  await install(store, RANDOM, V2);
  return { layout, store, lines };
}

function labels(store: PluginStore): string[] {
  return (store.get(RANDOM)?.versions ?? []).map(({ version }) => version);
}

async function expectNoChange(layout: Layout, store: PluginStore, change: () => Promise<unknown>, error: object) {
  const before = { tree: await visible(layout), entry: store.get(RANDOM) };
  await expect(change()).rejects.toMatchObject(error);
  expect({ tree: await visible(layout), entry: store.get(RANDOM) }).toEqual(before);
}

describe("a rollback", () => {
  it("brings back every file of the version before, and what was known of it", async () => {
    const { layout, store } = await withV2();
    const [kept] = store.get(RANDOM)?.versions ?? [];
    const { id, ...v1 } = kept as KeptVersion;
    const entry = await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(V1);
    const { change, changedAt: _, versions, ...rest } = entry;
    expect(rest).toEqual(v1);
    expect(change).toMatch(/^[0-9a-f-]{36}$/);
    expect(versions).toMatchObject([{ version: "2.0.0", soFile: "Random@v2.0.0.so" }]);
    expect(versions?.[0]?.id).not.toBe(id);
    expect(store.get(RANDOM)).toEqual(entry);

    const again = await start(layout, 2);
    expect(again.lines).toEqual([]);
    expect(again.store.get(RANDOM)).toEqual(entry);
    await expectKeptAsRecorded(layout, again.store);
  });

  it("can be rolled back, again and again", async () => {
    const { layout, store } = await withV2(1);
    for (const version of [V1, V2, V1, V2]) {
      await rollBack(store, RANDOM);
      expect(await installed(layout)).toEqual(version);
      await expectKeptAsRecorded(layout, store);
      expect(labels(store)).toHaveLength(1);
    }
  });

  it.each([
    [{ version: "1.0.0" }, ["3.0.0", "2.0.0"]],
    [{ version: "v1.0.0" }, ["3.0.0", "2.0.0"]],
    [{ version: "2.0.0", id: null }, ["3.0.0", "1.0.0"]],
    [undefined, ["3.0.0", "1.0.0"]],
  ])("goes to the version that is wanted: %j", async (wanted, left) => {
    const { layout, store } = await withV2(3);
    await install(store, RANDOM, { "plugins/sources/Random@v3.0.0.so": "so 3", [YAML]: "yaml 2" });
    await rollBack(store, RANDOM, wanted);
    expect(await installed(layout)).toEqual(left.includes("1.0.0") ? V2 : V1);
    expect(labels(store)).toEqual(left);
    await expectKeptAsRecorded(layout, store);
  });

  it("goes to the version that has the id, where several are called the same", async () => {
    const { layout, store } = await withV2(3);
    await install(store, RANDOM, { [SO]: "so 1, built again" });
    await install(store, RANDOM, V2);
    const versions = store.get(RANDOM)?.versions ?? [];
    expect(versions.map(({ version }) => version)).toEqual(["1.0.0", "1.0.0"]);
    await rollBack(store, RANDOM, { id: versions[1]?.id as string });
    expect(await installed(layout)).toEqual(V1);
  });

  it("records what is found out about it", async () => {
    const { store } = await withV2();
    const old = store.get(RANDOM) as PluginEntry;
    const compatibility = { verdict: "unknown", problems: [], basis: "b" } as const;
    const target = findVersion(old);
    const entry = await inWorkspace(store, RANDOM, (workspace) =>
      store.restore(RANDOM, old, target, { compatibility }, workspace),
    );
    expect(entry).toMatchObject({ version: "1.0.0", compatibility });
    expect(entry.versions?.[0]).not.toHaveProperty("compatibility");
  });

  it("leaves the list as long as it may be now, when the setting was lowered", async () => {
    const { layout } = await withV2(2);
    const { store } = await start(layout, 0);
    expect(labels(store)).toEqual(["1.0.0"]);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(V1);
    expect(labels(store)).toEqual([]);
    expect(await keptTexts(layout, "plugins")).toEqual([]);
    await expectKeptAsRecorded(layout, store);
  });

  it("keeps the mode of a .so", async () => {
    const { layout, store } = await withV2();
    await chmod(layout.absolute(SO_2), 0o755);
    await rollBack(store, RANDOM);
    await rollBack(store, RANDOM);
    expect((await stat(layout.absolute(SO_2))).mode & 0o777).toBe(0o755);
  });
});

describe("a .so is not copied", () => {
  it("when nobody else needs what is kept", async () => {
    const { layout, store } = await withV2();
    const kept = await store.keptSoFile(RANDOM, findVersion(store.get(RANDOM) as PluginEntry));
    const { ino } = await stat(kept);
    await rollBack(store, RANDOM);
    expect(await stat(layout.absolute(SO))).toMatchObject({ ino, nlink: 1 });
    await expect(stat(kept)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("when both versions have the same, which stays as it is", async () => {
    const { layout, store } = await withV2();
    await install(store, RANDOM, { ...V2, [YAML]: "yaml 3" });
    const { ino } = await stat(layout.absolute(SO_2));
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(V2);
    expect(await stat(layout.absolute(SO_2))).toMatchObject({ ino, nlink: 1 });
    await expectKeptAsRecorded(layout, store);
  });

  it("when both versions have the same: what is kept is mended from it, and by a copy", async () => {
    const { layout, store } = await withV2();
    await install(store, RANDOM, { ...V2, [YAML]: "yaml 3" });
    await rm(layout.keptFile("plugins", sha256Of("so 2")));
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(V2);
    await expectKeptAsRecorded(layout, store); // looks at the number of names
  });

  it("but is when the one in place is not what it was", async () => {
    const { layout, store } = await withV2();
    await install(store, RANDOM, { ...V2, [YAML]: "yaml 3" });
    await writeFile(layout.absolute(SO_2), "SO 2");
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(V2);
    await expectKeptAsRecorded(layout, store);
  });

  it("but is when another version has it", async () => {
    const { layout, store } = await withV2(3);
    await install(store, RANDOM, { ...V1, [YAML]: "yaml 3" }); // version 1's .so again
    await install(store, RANDOM, V2);
    expect(await keptTexts(layout, "plugins")).toEqual(["so 1"]);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual({ ...V1, [YAML]: "yaml 3" });
    expect(await keptTexts(layout, "plugins")).toEqual(["so 1", "so 2"]);
    await expectKeptAsRecorded(layout, store);
    await rollBack(store, RANDOM, { id: store.get(RANDOM)?.versions?.[1]?.id as string });
    expect(await installed(layout)).toEqual(V1);
    await expectKeptAsRecorded(layout, store);
  });

  it("but is when another plugin has it", async () => {
    const { layout, store } = await withV2();
    const other = { type: "sinks", name: "other" } as const;
    await install(store, other, { "plugins/sinks/other.so": "so 1" });
    await install(store, other, { "plugins/sinks/other.so": "so 2" });
    await rollBack(store, RANDOM);
    await expectKeptAsRecorded(layout, store);
    expect((await stat(layout.absolute(SO))).nlink).toBe(1);
    await rollBack(store, other);
    expect(await installed(layout)).toEqual({ ...V1, "plugins/sinks/other.so": "so 1" });
    await expectKeptAsRecorded(layout, store);
  });
});

describe("a rollback leaves to users what is theirs:", () => {
  it.each<[string, Tree, Tree, Tree]>([
    ["a file that was edited before the update", { [YAML]: "mine" }, {}, { [YAML]: "mine", [NEW_YAML]: "yaml 1" }],
    ["a file that was edited after the update", {}, { [YAML]: "mine" }, { [YAML]: "mine", [NEW_YAML]: "yaml 1" }],
    ["a file that was edited back", { [YAML]: "mine" }, { [YAML]: "yaml 1" }, {}],
    ["a file that is as the version that goes has it", { [YAML]: "mine" }, { [YAML]: "yaml 2" }, {}],
    [
      "a .new that was edited",
      { [YAML]: "mine" },
      { [NEW_YAML]: "half merged" },
      { [YAML]: "mine", [NEW_YAML]: "yaml 1", [`${NEW_YAML}.bak`]: "half merged" },
    ],
    [
      "a file that only the earlier version has",
      { [EXTRA]: "mine" },
      {},
      { [EXTRA]: "mine", [`${EXTRA}.new`]: "ca 1" },
    ],
  ])("%s", async (_, before, after, expected) => {
    const layout = await baseFolder();
    const { store } = await start(layout, 2);
    await install(store, RANDOM, V1);
    await writeTree(layout.base, before);
    await install(store, RANDOM, V2);
    await writeTree(layout.base, after);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual({ ...V1, ...expected });
    await expectKeptAsRecorded(layout, store);
  });

  it("without the earlier default, which was not kept then: the file stays, and nothing lies beside it", async () => {
    const layout = await baseFolder();
    const { store: first } = await start(layout, 0); // leaves no copies of defaults
    await install(first, RANDOM, V1);
    await writeFile(layout.absolute(YAML), "mine");
    const { store } = await start(layout, 2);
    const { versions } = await install(store, RANDOM, V2);
    expect(versions?.[0]?.files).toContainEqual({ path: YAML });
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual({ ...V1, [YAML]: "mine" });
    await expectKeptAsRecorded(layout, store);
  });

  it("without a default that is too large to be copied at each install", async () => {
    const layout = await baseFolder();
    const { store } = await start(layout, 2);
    const large = "x".repeat(1024 * 1024 + 1);
    await install(store, RANDOM, { ...V1, [EXTRA]: large });
    expect(await keptTexts(layout, "etc")).toEqual(["yaml 1"]);
    await install(store, RANDOM, V2);
    await rollBack(store, RANDOM); // nobody edited it, so it was kept as it was replaced
    expect(await installed(layout)).toEqual({ ...V1, [EXTRA]: large });
    await expectKeptAsRecorded(layout, store);
    await writeFile(layout.absolute(EXTRA), "mine");
    await install(store, RANDOM, V2);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual({ ...V1, [EXTRA]: "mine" });
    await expectKeptAsRecorded(layout, store);
  });
});

describe("a rollback is refused, and changes nothing,", () => {
  it.each<[string, string, FilePath, (file: string) => Promise<unknown>]>([
    ["the .so is damaged", "so 1", SO as FilePath, (file) => writeFile(file, "so !")],
    ["the .so is cut short", "so 1", SO as FilePath, (file) => writeFile(file, "")],
    ["the .so is gone", "so 1", SO as FilePath, (file) => rm(file)],
    ["the .so is a folder", "so 1", SO as FilePath, (file) => rm(file).then(() => writeTree(file, { a: "" }))],
    ["the configuration is damaged", "yaml 1", YAML, (file) => writeFile(file, "yaml !")],
    ["the configuration is gone", "yaml 1", YAML, (file) => rm(file)],
    [
      "the configuration is a link",
      "yaml 1",
      YAML,
      (file) => rm(file).then(() => writeTree("/", { [file.slice(1)]: "-> x" })),
    ],
  ])("when of what is kept %s", async (_, content, path, damage) => {
    const { layout, store } = await withV2();
    await damage(layout.keptFile(path === YAML ? "etc" : "plugins", sha256Of(content)));
    await expectNoChange(layout, store, () => rollBack(store, RANDOM), {
      code: "STORAGE_FAILED",
      message: `what is kept of version 1.0.0 of sources/random is damaged (${path}); install that version from its zip`,
    });
    await install(store, RANDOM, V1);
    expect(await installed(layout)).toEqual(V1);
  });

  it.each([
    [{ version: "3.0.0" }, /^no version 3\.0\.0 is kept; there is 1\.0\.0 \(id [0-9a-f]{12}\)$/],
    [{ version: "2.0.0" }, /^no version 2\.0\.0 is kept; it is the one that is installed; there is 1\.0\.0 \(id/],
    [{ id: "0123456789ab" }, /^no version with id 0123456789ab is kept; there is 1\.0\.0/],
    [{ id: "x\ny", version: "1.0.0" }, /^no version 1\.0\.0 with id x\\u000ay is kept; there is 1\.0\.0/],
  ])("when what is wanted is not kept: %j", async (wanted, message) => {
    const { layout, store } = await withV2();
    const change = () => rollBack(store, RANDOM, wanted);
    await expectNoChange(layout, store, change, { code: "VERSION_NOT_FOUND", message: expect.stringMatching(message) });
  });

  it("when there is no earlier version", async () => {
    const layout = await baseFolder();
    const { store } = await start(layout, 2);
    await install(store, RANDOM, V1);
    await expectNoChange(layout, store, () => rollBack(store, RANDOM), {
      code: "VERSION_NOT_FOUND",
      message: "no earlier version of it is kept",
    });
  });

  it("when a folder is in the way", async () => {
    const { layout, store } = await withV2();
    await writeTree(layout.base, { [`${SO}/mine`]: "mine" });
    await expectNoChange(layout, store, () => rollBack(store, RANDOM), { code: "STORAGE_FAILED" });
    await expectKeptAsRecorded(layout, store);
  });

  it.each(["plugins", "etc"] as const)("when %s/.versions is a link", async (volume) => {
    const { layout, store } = await withV2();
    await rm(layout.versionsFolder(volume), { recursive: true });
    await writeTree(layout.base, { "outside/file": "kept", [`${volume}/.versions`]: "-> ../outside" });
    const v3 = { "plugins/sources/Random@v3.0.0.so": "so 3" };
    await expectNoChange(layout, store, () => install(store, RANDOM, v3), {
      code: "STORAGE_FAILED",
      message: expect.stringMatching(/\.versions is a link or a file; move it away and try again$/),
    });
    await start(layout, 2);
    expect(await readdir(join(layout.base, "outside"))).toEqual(["file"]);
  });
});

describe.skipIf(!CAN_MOUNT)("on disks of their own", () => {
  it("plugins and etc, an update and a rollback work as on one", async () => {
    const layout = await baseFolder({ etc: `-> ${tinyDisk(1024 * 1024).folder}` });
    const { store } = await start(layout, 2);
    const configuration = async () => installed(new Layout(layout.volume("etc")));
    await install(store, RANDOM, V1);
    await writeFile(layout.absolute(YAML), "mine");
    await install(store, RANDOM, V2);
    expect(await installed(layout)).toMatchObject({ [SO_2]: "so 2" });
    expect(await configuration()).toEqual({ "sources/random.yaml": "mine", "sources/random.yaml.new": "yaml 2" });
    await expectKeptAsRecorded(layout, store);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toMatchObject({ [SO]: "so 1" });
    expect(await configuration()).toEqual({
      "sources/random.yaml": "mine",
      "sources/random.yaml.new": "yaml 1",
      "sources/random/certs/ca.pem": "ca 1",
    });
    await expectKeptAsRecorded(layout, store);
  });

  it("full, with every byte of space at which that can happen: nothing is lost, and nothing is left", async () => {
    const layout = new Layout(tinyDisk(256 * 1024).folder);
    const { store } = await start(layout, 2);
    await install(store, RANDOM, V1);
    await writeFile(layout.absolute(EXTRA), "mine");
    const changes = { update: () => install(store, RANDOM, V2), rollback: () => rollBack(store, RANDOM) };
    const refused = { update: 0, rollback: 0 };
    for (let pages = 40; pages >= 0; pages -= 1) {
      for (const kind of ["update", "rollback"] as const) {
        await fillButFor(pages, layout);
        const before = { tree: await visible(layout), entry: store.get(RANDOM) };
        const error = await changes[kind]().catch((error: unknown) => error);
        const after = { tree: await visible(layout), entry: store.get(RANDOM) };
        await rm(join(layout.base, "plugins/filler"));
        await expectKeptAsRecorded(layout, store);
        if (!(error instanceof Error)) continue;
        refused[kind] += 1;
        expect(error, `${kind}, ${pages} pages free`).toMatchObject({ name: "PluginError", code: "STORAGE_FULL" });
        expect(after, `${kind}, ${pages} pages free`).toEqual(before);
        await changes[kind](); // there is space now
      }
    }
    for (const count of Object.values(refused)) {
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThan(40);
    }
  });
});
