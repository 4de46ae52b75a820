import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Workspace } from "../../../src/store/journal/workspace.ts";
import { Layout } from "../../../src/store/layout.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { readTree, writeTree } from "../../support/tree.ts";

async function create() {
  const layout = new Layout(await tempFolder());
  return { layout, workspace: await Workspace.create(layout) };
}

it("has a hidden folder of its own on each volume, for the server's user alone", async () => {
  const { layout, workspace } = await create();
  for (const volume of ["plugins", "etc"] as const) {
    const folder = join(layout.base, volume, ".changes", workspace.id);
    expect(workspace.folder(volume)).toBe(folder);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(await readdir(folder)).toEqual([]);
  }
});

it("gives every file a new name, on the volume of its target", async () => {
  const { workspace } = await create();
  const first = workspace.stage("plugins/sources/a.so");
  const second = workspace.stage("etc/sources/a.yaml");
  expect(first).toEqual({ name: "1.new", path: join(workspace.folder("plugins"), "1.new") });
  expect(second).toEqual({ name: "2.new", path: join(workspace.folder("etc"), "2.new") });
});

it("removes all that it has, and nothing of another", async () => {
  const { layout, workspace } = await create();
  const other = await Workspace.create(layout);
  await writeFile(workspace.zipFile, "");
  await writeTree(workspace.scriptFolder, { "a/b": "c", link: "-> /etc" });
  await writeFile(workspace.journalFile, "");
  await workspace.remove();
  await workspace.remove();
  expect(Object.keys(await readTree(layout.base)).filter((path) => !path.endsWith(".changes/"))).toEqual([
    "etc/",
    `etc/.changes/${other.id}/`,
    "plugins/",
    `plugins/.changes/${other.id}/`,
  ]);
});

it("can be opened again by its id", async () => {
  const { layout, workspace } = await create();
  const again = Workspace.reopen(layout, workspace.id);
  expect(again.journalFile).toBe(workspace.journalFile);
  await again.remove();
  expect(await readdir(layout.changesFolder("plugins"))).toEqual([]);
});

it("leaves nothing behind when it can't be made on every volume", async () => {
  const layout = new Layout(await tempFolder());
  await writeTree(layout.base, { etc: "a file" });
  await expect(Workspace.create(layout)).rejects.toMatchObject({ code: "ENOTDIR" });
  expect(await readdir(layout.changesFolder("plugins"))).toEqual([]);
});
