import { link, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { describe, expect, it, vi } from "vitest";
import type { Layout } from "../../src/store/layout.ts";
import { type FileOperation, observe } from "../support/file-operations.ts";
import { type Tree, writeTree } from "../support/tree.ts";
import {
  baseFolder,
  beginsRegistry,
  copyOf,
  filesOf,
  install,
  RANDOM,
  remove,
  SECOND_NAMES,
  SO,
  SO_2,
  start,
  visible,
  YAML,
} from "./kit.ts";

vi.mock("node:fs/promises", async (load) => (await import("../support/file-operations.ts")).observable(await load()));

/** A plugin's files while the engine's own installer writes them: whole afterwards, whoever is killed and when. */

const SO_TEXT = "the code of version 1";
const YAML_TEXT = "interval: 1000\n";
const PLUGIN = { [SO]: SO_TEXT, [YAML]: YAML_TEXT };

/** What an engine may leave that was killed, or that failed. */
const ENGINES: readonly (readonly [string, (layout: Layout) => Promise<void>])[] = [
  ["writes all", async (layout) => void (await writeTree(layout.base, PLUGIN))],
  ["writes half a .so", (layout) => truncate(layout.absolute(SO), 8)],
  ["truncates the .so", (layout) => truncate(layout.absolute(SO), 0)],
  ["truncates the yaml", (layout) => truncate(layout.absolute(YAML), 3)],
  ["removes all", (layout) => removeAll(layout)],
  ["does nothing", async () => {}],
];

async function removeAll(layout: Layout): Promise<void> {
  for (const path of [SO, YAML]) await rm(layout.absolute(path), { force: true });
}

async function installedPlugin() {
  const layout = await baseFolder();
  const { store } = await start(layout);
  return { layout, store, entry: await install(store, RANDOM, PLUGIN) };
}

/** All files but this server's records. */
const files = async (layout: Layout): Promise<Tree> => filesOf(await visible(layout));

describe.each(ENGINES)("an engine that %s", (_, write) => {
  it("leaves the plugin whole, and nothing else, with the file that was committed", async () => {
    const { layout, store, entry } = await installedPlugin();
    const { ino, mtimeMs } = await stat(layout.absolute(SO));
    const handover = await store.handOver(RANDOM, entry, [SO, YAML]);
    await write(layout);
    await handover.finish();
    expect(await files(layout)).toEqual(PLUGIN);
    expect(await stat(layout.absolute(SO))).toMatchObject({ ino, mtimeMs, nlink: 1 });
  });

  it("and a kill of this server at any instant leave it whole", async () => {
    const { layout: original } = await installedPlugin();
    for (let at = 1, isKilled = true; isKilled; at += 1) {
      const layout = await copyOf(original);
      const { store } = await start(layout);
      const entry = store.get(RANDOM);
      if (entry === undefined) throw new Error("not installed");
      let mayWrite = false;
      const observed = await observe(
        async () => {
          const handover = await store.handOver(RANDOM, entry, [SO, YAML]);
          mayWrite = true;
          await write(layout);
          await handover.settle();
          mayWrite = false; // it has answered
          await handover.finish();
        },
        { killAfter: (_operation, count) => count === at },
      );
      isKilled = observed.isKilled;
      if (isKilled && mayWrite) await write(layout);
      const next = await start(layout);
      expect(next.store.names("sources"), `killed at ${at}`).toEqual(["random"]);
      expect(await readFile(layout.absolute(SO), "utf8"), `killed at ${at}`).toBe(PLUGIN[SO]);
      for (const handover of next.store.openHandovers) await handover.finish();
      expect(await files(layout), `killed at ${at}`).toEqual(PLUGIN);
    }
  });
});

describe("a hand-over", () => {
  it.each(SECOND_NAMES)("gives the files an inode of their own: %s", async (_, faults) => {
    const { layout, store, entry } = await installedPlugin();
    const kept = `${layout.base}/kept`;
    await link(layout.absolute(SO), kept);
    let nlink: number | undefined;
    await observe(async () => {
      const handover = await store.handOver(RANDOM, entry, [SO, YAML]);
      ({ nlink } = await stat(layout.absolute(SO)));
      await truncate(layout.absolute(SO), 0);
      await handover.finish();
    }, faults);
    expect(nlink).toBe(1);
    expect(await readFile(kept, "utf8")).toBe(PLUGIN[SO]);
    expect(await readFile(layout.absolute(SO), "utf8")).toBe(PLUGIN[SO]);
  });

  it("that is open can be settled again: the engine may still write", async () => {
    const { layout, store, entry } = await installedPlugin();
    const handover = await store.handOver(RANDOM, entry, [SO, YAML]);
    for (let round = 0; round < 2; round += 1) {
      await removeAll(layout);
      expect(await handover.settle()).toEqual([SO, YAML]);
      expect((await start(layout)).store.openHandovers).toHaveLength(1);
    }
    expect(await handover.finish()).toEqual([]);
    expect((await start(layout)).store.openHandovers).toEqual([]);
  });

  it("leaves a user's edit, also at the next start", async () => {
    const { layout, store, entry } = await installedPlugin();
    const handover = await store.handOver(RANDOM, entry, [SO, YAML]);
    await writeFile(layout.absolute(YAML), "interval: 5\n");
    await start(layout);
    await handover.finish();
    expect(await readFile(layout.absolute(YAML), "utf8")).toBe("interval: 5\n");
  });

  it("of a version that was replaced, or deleted, puts nothing back", async () => {
    for (const change of ["update", "delete"]) {
      const { layout, store, entry } = await installedPlugin();
      await store.handOver(RANDOM, entry, [SO, YAML]);
      if (change === "delete") await remove(store, RANDOM);
      else await install(store, RANDOM, { [SO_2]: "version 2", [YAML]: YAML_TEXT });
      expect((await start(layout)).store.openHandovers).toEqual([]);
      const left = change === "delete" ? {} : { [SO_2]: "version 2", [YAML]: YAML_TEXT };
      expect(await files(layout)).toEqual(left);
    }
  });

  it("that a failing disk keeps open does not hide a change that it keeps open, too", async () => {
    const { layout, store, entry } = await installedPlugin();
    await store.handOver(RANDOM, entry, [SO, YAML]);
    const update = () => install(store, RANDOM, { [SO]: "version 2", [YAML]: YAML_TEXT });
    expect(await observe(update, { killAfter: beginsRegistry })).toMatchObject({ isKilled: true });
    let next = { store };
    const fail = ({ call }: FileOperation) => (call === "rename" ? "EIO" : undefined);
    await observe(async () => (next = await start(layout)), { fail });
    await install(next.store, RANDOM, { [SO]: "version 3", [YAML]: YAML_TEXT });
    await start(layout);
    expect(await files(layout)).toEqual({ [SO]: "version 3", [YAML]: YAML_TEXT });
  });

  it("whose record can't be read is left for a person, and the start goes on", async () => {
    const { layout, store, entry } = await installedPlugin();
    await store.handOver(RANDOM, entry, [SO, YAML]);
    await writeTree(layout.base, { [`plugins/.engine/handovers/${entry.change}/handover.json`]: "{" });
    const next = await start(layout);
    expect(next.store.names("sources")).toEqual(["random"]);
    expect(Object.keys(await files(layout))).toContain(`plugins/.engine/handovers/${entry.change}/0.copy`);
  });
});
