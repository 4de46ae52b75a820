import { mkdir, readdir, truncate, writeFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { dropJournal, type Journal, readJournal, writeJournal } from "../../../src/store/journal/journal.ts";
import { Workspace } from "../../../src/store/journal/workspace.ts";
import { Layout } from "../../../src/store/layout.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const JOURNAL: Journal = {
  schema: 1,
  change: "a-change",
  type: "sources",
  name: "random",
  kind: "install",
  moves: [
    { target: "plugins/sources/random.so", staged: "1.new", stagedInode: "18446744073709551615", saved: null },
    { target: "etc/sources/random.yaml", staged: null, stagedInode: null, saved: "1.old" },
  ],
  newFolders: ["etc/sources/random"],
};

const create = async () => Workspace.create(new Layout(await tempFolder()));

it("is read as it was written, until it is dropped", async () => {
  const workspace = await create();
  expect(await readJournal(workspace)).toBeUndefined();
  const journal = { ...JOURNAL, change: workspace.id };
  await writeJournal(workspace, journal);
  expect(await readdir(workspace.folder("plugins"))).toEqual(["journal.json"]);
  expect(await readJournal(workspace)).toEqual(journal);
  await dropJournal(workspace);
  await dropJournal(workspace);
  expect(await readJournal(workspace)).toBeUndefined();
});

it("is not written where it could not be read again", async () => {
  const workspace = await create();
  const journal = { ...JOURNAL, change: workspace.id };
  await expect(writeJournal(workspace, journal, 100)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  expect(await readdir(workspace.folder("plugins"))).toEqual([]);
});

it("is not read where it is larger than one can be", async () => {
  const workspace = await create();
  await writeFile(workspace.journalFile, "");
  await truncate(workspace.journalFile, 2 ** 40);
  await expect(readJournal(workspace)).rejects.toThrow("has more than 268435456 bytes");
});

it("is none where the workspace is gone", async () => {
  const workspace = await create();
  await workspace.remove();
  expect(await readJournal(workspace)).toBeUndefined();
});

it.each([
  ["torn", JSON.stringify(JOURNAL).slice(0, 50), SyntaxError],
  ["of another schema", JSON.stringify({ ...JOURNAL, schema: 2 }), /does not match the schema of this version/],
  ["of another kind", JSON.stringify({ ...JOURNAL, kind: "update" }), /does not match the schema of this version/],
  [
    "with an inode that is a number",
    JSON.stringify({ ...JOURNAL, moves: [{ ...JOURNAL.moves[0], stagedInode: 1 }] }),
    /does not match the schema of this version/,
  ],
  [
    "with a target outside",
    JSON.stringify({ ...JOURNAL, moves: [{ ...JOURNAL.moves[0], target: "/etc/x" }] }),
    /does not match the schema of this version/,
  ],
  [
    "with a folder outside",
    JSON.stringify({ ...JOURNAL, newFolders: ["etc/sources/../.."] }),
    /does not match the schema of this version/,
  ],
])("is refused, not ignored, where it is %s", async (_, text, error) => {
  const workspace = await create();
  await writeFile(workspace.journalFile, text);
  await expect(readJournal(workspace)).rejects.toThrow(error);
});

it("is none where a script put a folder in its place", async () => {
  const workspace = await create();
  await mkdir(workspace.journalFile);
  expect(await readJournal(workspace)).toBeUndefined();
  await dropJournal(workspace);
  expect(await readdir(workspace.folder("plugins"))).toEqual([]);
});

it("is refused where it is another change's", async () => {
  const workspace = await create();
  await writeJournal(workspace, JOURNAL);
  await expect(readJournal(workspace)).rejects.toThrow("does not match the schema of this version");
});
