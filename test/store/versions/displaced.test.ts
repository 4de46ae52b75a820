import { readFile, rm, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { jsonPath } from "../../../src/domain/plugin.ts";
import { writeTree } from "../../support/tree.ts";
import { baseFolder, EXTRA, install, installed, RANDOM, remove, rollBack, SO, SO_2, start, YAML } from "../kit.ts";

/** The engine's own configuration, under the names of a plugin's. */
const JSON_FILE = jsonPath(RANDOM);
const ENGINES = { [YAML]: "engine's", [JSON_FILE]: '{"engine":1}' };
const BACKUPS = { [`${YAML}.bak`]: ENGINES[YAML], [`${JSON_FILE}.bak`]: ENGINES[JSON_FILE] };
const V1 = { [SO]: "so 1", [YAML]: "yaml 1", [JSON_FILE]: "{}" };
const V2 = { [SO_2]: "so 2", [YAML]: "yaml 2", [JSON_FILE]: '{"v":2}' };

async function withV1(files: Readonly<Record<string, string>> = ENGINES) {
  const layout = await baseFolder(files);
  const { store } = await start(layout, 3);
  await install(store, RANDOM, V1);
  return { layout, store };
}

describe("what an install displaced comes back with the delete", () => {
  it("right away, and known after a restart as well", async () => {
    const { layout } = await withV1();
    expect(await installed(layout)).toEqual({ ...V1, ...BACKUPS });
    const { store } = await start(layout, 3);
    await remove(store, RANDOM);
    expect(await installed(layout)).toEqual(ENGINES);
  });

  it("after an update, and after a rollback", async () => {
    const { layout, store } = await withV1();
    await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual({ ...V2, ...BACKUPS });
    await rollBack(store, RANDOM);
    await rollBack(store, RANDOM);
    await remove(store, RANDOM);
    expect(await installed(layout)).toEqual(ENGINES);
  });

  it("with an update whose version has no such file; a rollback leaves it then", async () => {
    const { layout, store } = await withV1();
    const { [JSON_FILE]: _, ...v2 } = V2;
    await install(store, RANDOM, v2);
    const { [`${JSON_FILE}.bak`]: __, ...backups } = BACKUPS;
    expect(await installed(layout)).toEqual({ ...v2, ...backups, [JSON_FILE]: ENGINES[JSON_FILE] });
    await rollBack(store, RANDOM);
    const besides = { [JSON_FILE]: ENGINES[JSON_FILE], [`${JSON_FILE}.new`]: "{}" };
    expect(await installed(layout)).toEqual({ ...V1, ...backups, ...besides });
    await remove(store, RANDOM);
    const left = await installed(layout);
    expect(left[YAML]).toBe(ENGINES[YAML]);
    expect(Object.values(left)).toContain(ENGINES[JSON_FILE]);
  });

  it("beside what a user made of the plugin's file", async () => {
    const { layout, store } = await withV1();
    await writeFile(layout.absolute(YAML), "mine");
    await remove(store, RANDOM);
    expect(await installed(layout)).toEqual({ ...ENGINES, [`${YAML}.bak.1`]: "mine" });
  });

  it("unless somebody edited or removed its backup", async () => {
    const { layout, store } = await withV1();
    await writeTree(layout.base, { [`${YAML}.bak`]: "edited" });
    await rm(layout.absolute(`${JSON_FILE}.bak`));
    await remove(store, RANDOM);
    expect(await installed(layout)).toEqual({ [`${YAML}.bak`]: "edited" });
  });

  it("but not what a user edited of ours", async () => {
    const { layout, store } = await withV1({});
    await writeFile(layout.absolute(YAML), "mine");
    await remove(store, RANDOM);
    expect(await installed(layout)).toEqual({ [`${YAML}.bak`]: "mine" });
  });

  it("in the folder of its further configuration too", async () => {
    const { layout, store } = await withV1({ [EXTRA]: "old ca" });
    await install(store, RANDOM, { ...V2, [EXTRA]: "ca 2" });
    expect((await installed(layout))[`${EXTRA}.new`]).toBe("ca 2");
    await remove(store, RANDOM);
    expect(Object.values(await installed(layout))).toEqual(["old ca"]);
  });
});

it("a registry that was edited makes a delete move no other plugin's file", async () => {
  const { layout } = await withV1();
  const text = await readFile(layout.registryFile, "utf8");
  await writeFile(
    layout.registryFile,
    text.replaceAll('"path":"etc/sources/random.yaml","backup"', '"path":"etc/sources/x.yaml","backup"'),
  );
  const { store, lines } = await start(layout, 3);
  await remove(store, RANDOM);
  expect(await installed(layout)).toEqual({ [`${YAML}.bak`]: ENGINES[YAML], [JSON_FILE]: ENGINES[JSON_FILE] });
  expect(lines).toContainEqual(expect.objectContaining({ msg: expect.stringContaining("not this plugin's") }));
});
