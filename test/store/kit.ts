import { createHash } from "node:crypto";
import { copyFile, type link, lstat, mkdir, readlink, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { type FilePath, soPath, volumeOf } from "../../src/domain/file-path.ts";
import type { PluginId } from "../../src/domain/plugin.ts";
import type { PluginEntry } from "../../src/domain/plugin-entry.ts";
import { type Change, finishChange, type Move, planChange } from "../../src/store/change.ts";
import { writeJournal } from "../../src/store/journal.ts";
import { Layout } from "../../src/store/layout.ts";
import { PluginStore } from "../../src/store/plugin-store.ts";
import { Registry } from "../../src/store/registry.ts";
import type { Workspace } from "../../src/store/workspace.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { testLog } from "../support/test-log.ts";
import { readTree, type Tree, writeTree } from "../support/tree.ts";

export const RANDOM: PluginId = { type: "sources", name: "random" };
export const SO = soPath("sources", "Random@v1.0.0.so");
export const YAML: FilePath = "etc/sources/random.yaml";
export const EXTRA: FilePath = "etc/sources/random/certs/ca.pem";

/** A base folder with these files. */
export async function baseFolder(files: Tree = {}): Promise<Layout> {
  const layout = new Layout(await tempFolder());
  await writeTree(layout.base, files);
  return layout;
}

/** What the server does at its start. */
export async function start(layout: Layout) {
  const { log, lines } = testLog();
  return { store: await PluginStore.open(layout, log), lines };
}

/**
 * What users and engines see: every file and folder but the registry and the empty folder for work in progress. What a
 * change leaves behind in there shows.
 */
export async function visible(layout: Layout): Promise<Tree> {
  const tree = await readTree(layout.base);
  const hidden = ["plugins/registry.json", "plugins/.changes/", "etc/.changes/"];
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !hidden.includes(path)));
}

/** The files of a tree, without its folders. */
export function filesOf(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.endsWith("/")));
}

/** Prepares the install of these files. */
export async function stageInstall(id: PluginId, files: Readonly<Record<string, string>>, workspace: Workspace) {
  const moves: Move[] = [];
  for (const [path, content] of Object.entries(files)) {
    const { name, path: staged } = workspace.stage(path as FilePath);
    await writeFile(staged, content);
    moves.push({ target: path as FilePath, staged: name });
  }
  return { id, entry: entryOf(files, workspace.id), moves } satisfies Change;
}

export function entryOf(files: Readonly<Record<string, string>>, change: string): PluginEntry {
  return {
    version: "1.0.0",
    soFile: "Random@v1.0.0.so",
    files: Object.entries(files).map(([path, content]) => ({
      path: path as FilePath,
      sha256: createHash("sha256").update(content).digest("hex"),
    })),
    change,
  };
}

export function removal(id: PluginId, paths: readonly FilePath[]): Change {
  return { id, entry: null, moves: paths.map((target) => ({ target, staged: null })) };
}

export async function install(store: PluginStore, id: PluginId, files: Readonly<Record<string, string>>) {
  await store.withWorkspace(id, async (workspace) => store.commit(await stageInstall(id, files, workspace), workspace));
}

export async function remove(store: PluginStore, id: PluginId) {
  const entry = store.get(id);
  if (entry === undefined) throw new Error("not installed");
  const files = await store.filesOf(id, entry);
  await store.withWorkspace(id, (workspace) =>
    store.commit(
      removal(
        id,
        files.map(({ path }) => path),
      ),
      workspace,
    ),
  );
}

interface Context {
  readonly layout: Layout;
  readonly workspace: Workspace;
  /** How old files get their second name: a link, or a copy where the file system has no links. */
  readonly save: typeof link | typeof copy;
}

/**
 * A change, one file operation at a time and in the order of the real one, so that a test can stop after any of them
 * as if the process had been killed there. Yields what it has just done.
 */
export async function* changeByStep(change: Change, { layout, workspace, save }: Context): AsyncGenerator<string> {
  const inWorkspace = (target: string, name: string) => workspace.file(volumeOf(target as FilePath), name);
  const journal = await planChange(change, { layout, workspace });
  yield "planned";
  await writeJournal(workspace, journal);
  yield "journal written";
  for (const folder of journal.newFolders) {
    await mkdir(layout.absolute(folder as FilePath));
    yield `${folder} made`;
  }
  for (const { target, saved } of journal.moves) {
    if (saved === null) continue;
    if (save === copy) {
      await writeFile(`${inWorkspace(target, saved)}.partial`, "half a co");
      yield `${target} half copied`;
      await rm(`${inWorkspace(target, saved)}.partial`);
    }
    await save(layout.absolute(target as FilePath), inWorkspace(target, saved));
    yield `${target} saved`;
  }
  for (const { target, staged } of journal.moves) {
    if (staged === null) await unlink(layout.absolute(target as FilePath));
    else await rename(inWorkspace(target, staged), layout.absolute(target as FilePath));
    yield `${target} ${staged === null ? "removed" : "in place"}`;
  }
  const registry = await Registry.open(layout.registryFile, testLog().log);
  await registry.update({ id: change.id, entry: change.entry });
  yield DONE;
  await finishChange(journal, { layout, workspace });
  yield "finished";
  await rm(workspace.folder("etc"), { recursive: true });
  yield "half of the workspace dropped";
  await workspace.remove();
  yield "workspace dropped";
}

export async function copy(from: string, to: string): Promise<void> {
  if ((await lstat(from)).isSymbolicLink()) await symlink(await readlink(from), to);
  else await copyFile(from, to);
}

/** From here on a change has happened. */
export const DONE = "registry written";
