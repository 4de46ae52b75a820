import { createHash } from "node:crypto";
import {
  copyFile,
  type link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { expect } from "vitest";
import { type FilePath, soPath, VOLUMES, type Volume, volumeOf } from "../../src/domain/file-path.ts";
import { PLUGIN_TYPES, type PluginId } from "../../src/domain/plugin.ts";
import type { PluginEntry } from "../../src/domain/plugin-entry.ts";
import { parseSoFileName } from "../../src/domain/so-file.ts";
import { asStorageFailure } from "../../src/domain/storage-error.ts";
import { type Change, finishChange, type Move, planChange } from "../../src/store/journal/change.ts";
import { writeJournal } from "../../src/store/journal/journal.ts";
import type { Workspace } from "../../src/store/journal/workspace.ts";
import { Layout } from "../../src/store/layout.ts";
import { PluginStore } from "../../src/store/plugin-store.ts";
import { Registry } from "../../src/store/registry/registry.ts";
import type { StagedFile } from "../../src/store/versions/version-change.ts";
import { findVersion, type WantedVersion } from "../../src/store/versions/version-list.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { testLog } from "../support/test-log.ts";
import { readTree, type Tree, writeTree } from "../support/tree.ts";

export const RANDOM: PluginId = { type: "sources", name: "random" };
export const SO = soPath("sources", "Random@v1.0.0.so");
export const SO_2 = soPath("sources", "Random@v2.0.0.so");
export const YAML: FilePath = "etc/sources/random.yaml";
export const NEW_YAML: FilePath = `${YAML}.new`;
export const EXTRA: FilePath = "etc/sources/random/certs/ca.pem";

/** A base folder with these files. */
export async function baseFolder(files: Tree = {}): Promise<Layout> {
  const layout = new Layout(await tempFolder());
  await writeTree(layout.base, files);
  return layout;
}

/** What the server does at its start. Without earlier versions, unless a test is about them. */
export async function start(layout: Layout, keepVersions = 0) {
  const { log, lines } = testLog();
  return { store: await PluginStore.open(layout, log, { keepVersions }), lines };
}

/**
 * What users and engines see: every file and folder but the registry and the empty folder for work in progress. What a
 * change leaves behind in there shows.
 */
export async function visible(layout: Layout): Promise<Tree> {
  const tree = await readTree(layout.base);
  const hidden = [
    "plugins/registry.json",
    ...[".changes/", ".versions/"].flatMap((name) => [`plugins/${name}`, `etc/${name}`]),
  ];
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !hidden.includes(path)));
}

/** The same without what is kept of earlier versions. */
export async function installed(layout: Layout): Promise<Tree> {
  const files = Object.entries(filesOf(await visible(layout)));
  return Object.fromEntries(files.filter(([path]) => !/(^|\/)\.versions\//.test(path)));
}

/** What is kept of earlier versions: the texts, whatever their order. Each is whole, and nobody's file but its own. */
export async function keptTexts(layout: Layout, volume: Volume): Promise<string[]> {
  const folder = layout.versionsFolder(volume);
  const names = await readdir(folder).catch(() => []); // not made yet
  const texts = names.map(async (name) => {
    const text = await readFile(join(folder, name), "utf8");
    expect(sha256Of(text), `${volume}/.versions/${name} is whole`).toBe(name);
    expect((await stat(join(folder, name))).nlink, `names of what is kept of ${JSON.stringify(text)}`).toBe(1);
    return text;
  });
  return (await Promise.all(texts)).sort();
}

/** What is kept is what the registry refers to, all of it and nothing else. */
export async function expectKeptAsRecorded(layout: Layout, store: PluginStore): Promise<void> {
  const entries = PLUGIN_TYPES.flatMap((type) => [...store.entries(type).values()]);
  const files = entries.flatMap(({ versions = [] }) => versions.flatMap((version) => version.files));
  for (const volume of VOLUMES) {
    const needed = files.filter(({ path, sha256 }) => volumeOf(path) === volume && sha256 !== undefined);
    const defaults = volume === "etc" ? entries.flatMap((entry) => entry.files) : [];
    const kept = (await keptTexts(layout, volume)).map(sha256Of);
    expect(kept, `what versions need in ${volume}`).toEqual(expect.arrayContaining(needed.map(({ sha256 }) => sha256)));
    const allowed = new Set([...needed, ...defaults].map(({ sha256 }) => sha256));
    expect(
      kept.filter((sha256) => !allowed.has(sha256)),
      `kept in ${volume} for nobody`,
    ).toEqual([]);
  }
}

/** The files of a tree, without its folders. */
export function filesOf(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.endsWith("/")));
}

/** Writes these files into the workspace, as unpacking does. */
export async function stageFiles(files: Readonly<Record<string, string>>, workspace: Workspace): Promise<StagedFile[]> {
  const staged: StagedFile[] = [];
  for (const [path, content] of Object.entries(files)) {
    const target = path as FilePath;
    const { name, path: file } = workspace.stage(target);
    await writeFile(file, content);
    staged.push({ target, name, sha256: sha256Of(content), bytes: Buffer.byteLength(content) });
  }
  return staged;
}

/** Prepares the install of these files. */
export async function stageInstall(id: PluginId, files: Readonly<Record<string, string>>, workspace: Workspace) {
  const staged = await stageFiles(files, workspace);
  const moves: Move[] = staged.map(({ target, name }) => ({ target, staged: name }));
  return { id, entry: entryOf(files, workspace.id), moves } satisfies Change;
}

export function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** What an install records. The .so's name is that of the first file on the plugins' volume. */
export function entryOf(files: Readonly<Record<string, string>>, change: string): PluginEntry {
  const soFile = Object.keys(files).find((path) => path.startsWith("plugins/")) ?? SO;
  const parsed = parseSoFileName(basename(soFile));
  return {
    version: parsed?.version ?? "",
    soFile: basename(soFile),
    files: Object.entries(files).map(([path, content]) => ({
      path: path as FilePath,
      sha256: sha256Of(content),
      bytes: Buffer.byteLength(content),
    })),
    installedAt: new Date().toISOString(),
    change,
  };
}

export function removal(id: PluginId, paths: readonly FilePath[]): Change {
  return { id, entry: null, moves: paths.map((target) => ({ target, staged: null })) };
}

/** Runs `work` with a workspace, and reports what the file system throws as a change does. */
export async function inWorkspace<T>(store: PluginStore, id: PluginId, work: (workspace: Workspace) => Promise<T>) {
  try {
    await using workspace = await store.workspace(id);
    return await work(workspace);
  } catch (error) {
    throw asStorageFailure(error);
  }
}

/** Installs a plugin with these files, or puts them in the place of the version that is installed. */
export async function install(store: PluginStore, id: PluginId, files: Readonly<Record<string, string>>) {
  const old = store.get(id);
  return inWorkspace(store, id, async (workspace) => {
    const staged = await stageFiles(files, workspace);
    return store.replace(id, { old, entry: entryOf(files, workspace.id), files: staged }, workspace);
  });
}

/** Brings an earlier version back; without `wanted`, the previous one. */
export async function rollBack(store: PluginStore, id: PluginId, wanted?: WantedVersion) {
  const old = store.get(id);
  if (old === undefined) throw new Error("not installed");
  const target = findVersion(old, wanted);
  return inWorkspace(store, id, (workspace) => store.restore(id, old, target, {}, workspace));
}

export async function remove(store: PluginStore, id: PluginId) {
  const entry = store.get(id);
  if (entry === undefined) throw new Error("not installed");
  await inWorkspace(store, id, (workspace) => store.remove(id, entry, workspace));
}

/** Fills the disk up to so many free pages of 4 KiB. */
export async function fillButFor(pages: number, layout: Layout): Promise<void> {
  const filler = join(layout.base, "plugins/filler");
  let size = 256 * 1024;
  for (;;) {
    const error = await writeFile(filler, Buffer.alloc(size)).catch((error: NodeJS.ErrnoException) => error);
    if (error === undefined) break;
    size -= 4096;
  }
  await writeFile(filler, Buffer.alloc(Math.max(0, size - pages * 4096)));
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

/**
 * Carries out the first `count` steps of a change, and says what the last one was; undefined when there are not so
 * many.
 *
 * @param look is called after each step
 */
export async function dieAfter(count: number, change: Change, context: Context, look = async (_step: string) => {}) {
  if (count === 0) return "prepared";
  let left = count;
  for await (const step of changeByStep(change, context)) {
    await look(step);
    left -= 1;
    if (left === 0) return step;
  }
  return undefined;
}

export async function copy(from: string, to: string): Promise<void> {
  if ((await lstat(from)).isSymbolicLink()) await symlink(await readlink(from), to);
  else await copyFile(from, to);
}

/** From here on a change has happened. */
export const DONE = "registry written";
