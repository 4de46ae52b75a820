import { lstat } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { describe, expect, it, vi } from "vitest";
import type { FilePath } from "../../../src/domain/plugin.ts";
import { applyChange, finishChange, planChange, undoChange } from "../../../src/store/journal/change.ts";
import { readJournal } from "../../../src/store/journal/journal.ts";
import { Workspace } from "../../../src/store/journal/workspace.ts";
import type { Layout } from "../../../src/store/layout.ts";
import { Registry } from "../../../src/store/registry/registry.ts";
import type { FileOperation } from "../../support/file-operations.ts";
import { testLog } from "../../support/test-log.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import {
  baseFolder,
  EXTRA,
  filesOf,
  install,
  RANDOM,
  removal,
  runChange,
  SO,
  stageInstall,
  start,
  visible,
  YAML,
} from "../kit.ts";

vi.mock("node:fs/promises", async (load) =>
  (await import("../../support/file-operations.ts")).observable(await load()),
);

const FILES = { [SO]: "so", [YAML]: "yaml", [EXTRA]: "ca" };

async function prepare(files: Tree = {}) {
  const layout = await baseFolder(files);
  await start(layout);
  const workspace = await Workspace.create(layout);
  const registry = await Registry.open(layout.registryFile, testLog().log);
  return { layout, workspace, registry };
}

it("plans an install: what is replaced, what is new, which folders are made", async () => {
  const { layout, workspace } = await prepare({ [YAML]: "old" });
  const change = await stageInstall(RANDOM, FILES, workspace);
  const inode = async (volume: "plugins" | "etc", name: string) =>
    String((await lstat(workspace.file(volume, name), { bigint: true })).ino);
  const before = await visible(layout);
  expect(await planChange(change, { layout, workspace })).toEqual({
    schema: 1,
    change: workspace.id,
    type: "sources",
    name: "random",
    kind: "install",
    moves: [
      { target: SO, staged: "1.new", stagedInode: await inode("plugins", "1.new"), saved: null },
      { target: YAML, staged: "2.new", stagedInode: await inode("etc", "2.new"), saved: "1.old" },
      { target: EXTRA, staged: "3.new", stagedInode: await inode("etc", "3.new"), saved: null },
    ],
    newFolders: ["etc/sources/random", "etc/sources/random/certs"],
  });
  expect(await visible(layout)).toEqual(before);
});

it("plans a removal: what is gone already is left out, with its folders", async () => {
  const { layout, workspace } = await prepare({ [SO]: "so" });
  const { kind, moves, newFolders } = await planChange(removal(RANDOM, [SO, YAML, EXTRA]), { layout, workspace });
  expect({ kind, moves, newFolders }).toEqual({
    kind: "remove",
    moves: [{ target: SO, staged: null, stagedInode: null, saved: "0.old" }],
    newFolders: [],
  });
});

it("has the journal, the old files and the registry on the disk until it is finished", async () => {
  const { layout, workspace, registry } = await prepare({ [YAML]: "old" });
  const change = await stageInstall(RANDOM, FILES, workspace);
  const journal = await planChange(change, { layout, workspace });
  await applyChange(change, journal, { layout, workspace, registry });

  const { [`etc/.changes/${workspace.id}/1.old`]: old, ...rest } = filesOf(await visible(layout));
  expect(old).toBe("old");
  expect(rest).toEqual({ ...FILES, [`plugins/.changes/${workspace.id}/journal.json`]: expect.any(String) });
  expect(await readJournal(workspace)).toEqual(journal);
  expect(registry.get(RANDOM)).toEqual(change.entry);

  await finishChange(journal, { layout, workspace });
  expect(await readJournal(workspace)).toBeUndefined();
});

it("touches nothing before the journal is on the disk", async () => {
  const { layout, workspace, registry } = await prepare({ [YAML]: "old" });
  const change = await stageInstall(RANDOM, FILES, workspace);
  const journal = await planChange(change, { layout, workspace });
  const before = await visible(layout);
  await writeTree(workspace.folder("plugins"), { "journal.json/in-the-way": "" });
  await expect(applyChange(change, journal, { layout, workspace, registry })).rejects.toMatchObject({ code: "EISDIR" });
  expect(await visible(layout)).toMatchObject(before);
  expect(registry.get(RANDOM)).toBeUndefined();
});

/** A change made durable step by step: `+` is the content or the names of a folder that reach the disk there. */
describe("the order of the operations", () => {
  const JOURNAL = "plugins/.changes/ID/journal.json";
  const REGISTRY = "plugins/registry.json";
  const written = (file: string) => [
    `open ${file}.tmp`,
    `writeFile ${file}.tmp`,
    `+ ${file}.tmp`,
    `rename ${file}.tmp ${file}`,
    `+ ${dirname(file)}`,
  ];

  it("of an install: journal, second names, files, registry, each durable before the next", async () => {
    const { layout, workspace } = await prepare({ [YAML]: "old" });
    const change = await stageInstall(RANDOM, FILES, workspace);
    const { operations } = await runChange(change, workspace, layout);
    expect(described(operations, workspace, layout)).toEqual([
      ...written(JOURNAL),
      "mkdir etc/sources/random",
      "+ etc/sources",
      "mkdir etc/sources/random/certs",
      "+ etc/sources/random",
      `link ${YAML} etc/.changes/ID/1.old`,
      "+ etc/.changes/ID",
      `rename plugins/.changes/ID/1.new ${SO}`,
      `rename etc/.changes/ID/2.new ${YAML}`,
      `rename etc/.changes/ID/3.new ${EXTRA}`,
      "+ etc/sources",
      "+ etc/sources/random/certs",
      "+ plugins/sources",
      ...written(REGISTRY),
      `rm ${JOURNAL}`,
      "+ plugins/.changes/ID",
      "rm etc/.changes/ID",
      "rm plugins/.changes/ID",
    ]);
  });

  it("of a removal: what it empties goes when the registry has it", async () => {
    const { layout } = await prepare();
    await install((await start(layout)).store, RANDOM, FILES);
    const workspace = await Workspace.create(layout);
    const { operations } = await runChange(removal(RANDOM, [SO, YAML, EXTRA]), workspace, layout);
    expect(described(operations, workspace, layout)).toEqual([
      ...written(JOURNAL),
      `link ${SO} plugins/.changes/ID/0.old`,
      `link ${YAML} etc/.changes/ID/1.old`,
      `link ${EXTRA} etc/.changes/ID/2.old`,
      "+ etc/.changes/ID",
      "+ plugins/.changes/ID",
      `unlink ${SO}`,
      `unlink ${YAML}`,
      `unlink ${EXTRA}`,
      "+ etc/sources",
      "+ etc/sources/random/certs",
      "+ plugins/sources",
      ...written(REGISTRY),
      "rmdir etc/sources/random/certs",
      "rmdir etc/sources/random",
      `rm ${JOURNAL}`,
      "+ plugins/.changes/ID",
      "rm etc/.changes/ID",
      "rm plugins/.changes/ID",
    ]);
  });

  /** Folders that are synced at once are in alphabetical order. */
  function described(operations: readonly FileOperation[], { id }: Workspace, layout: Layout): string[] {
    const lines: string[] = [];
    let syncs: string[] = [];
    for (const { call, paths } of operations) {
      const names = paths.map((path) =>
        relative(layout.base, path)
          .replace(id, "ID")
          .replace(/[0-9a-f]{12}\./, ""),
      );
      if (call === "sync") {
        syncs.push(`+ ${names}`);
        continue;
      }
      lines.push(...syncs.sort(), [call, ...names].join(" "));
      syncs = [];
    }
    return [...lines, ...syncs.sort()];
  }
});

it("undoes to the byte, the inode and the folder, twice as well as once", async () => {
  const users: Tree = { [YAML]: "old", "etc/sources/random/mine": "mine", "etc/sources/random/link": "-> mine" };
  const { layout, workspace, registry } = await prepare(users);
  const target: FilePath = "etc/sources/random/link";
  const change = await stageInstall(RANDOM, { ...FILES, [target]: "no link" }, workspace);
  const journal = await planChange(change, { layout, workspace });
  const inode = (await lstat(layout.absolute(YAML))).ino;
  await applyChange(change, journal, { layout, workspace, registry });
  expect(filesOf(await visible(layout))).toMatchObject({ ...FILES, [target]: "no link" });

  for (let times = 0; times < 2; times += 1) {
    await undoChange(journal, { layout, workspace });
    const { [YAML]: yaml, ...others } = filesOf(await visible(layout));
    expect({ [YAML]: yaml, ...others }).toEqual(users);
    expect((await lstat(layout.absolute(YAML))).ino).toBe(inode);
    expect(await visible(layout)).not.toHaveProperty("etc/sources/random/certs/");
  }
});

it("leaves a folder that it made when a user has put something into it meanwhile", async () => {
  const { layout, workspace, registry } = await prepare();
  const change = await stageInstall(RANDOM, FILES, workspace);
  const journal = await planChange(change, { layout, workspace });
  await applyChange(change, journal, { layout, workspace, registry });
  await writeTree(layout.base, { "etc/sources/random/mine": "mine" });
  await undoChange(journal, { layout, workspace });
  expect(filesOf(await visible(layout))).toEqual({ "etc/sources/random/mine": "mine" });
});

it("does not remove a file of its name that another put there", async () => {
  const { layout, workspace } = await prepare();
  const journal = await planChange(await stageInstall(RANDOM, FILES, workspace), { layout, workspace });
  await writeTree(layout.base, { [SO]: "by hand" });
  await undoChange(journal, { layout, workspace });
  expect((await visible(layout))[SO]).toBe("by hand");
});
