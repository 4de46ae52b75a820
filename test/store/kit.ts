import { createHash } from "node:crypto";
import { cp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { expect } from "vitest";
import { asStorageFailure } from "../../src/domain/errors.ts";
import {
  type FilePath,
  PLUGIN_TYPES,
  type PluginId,
  parseSoFileName,
  soPath,
  VOLUMES,
  type Volume,
  volumeOf,
} from "../../src/domain/plugin.ts";
import type { PluginEntry } from "../../src/domain/plugin-entry.ts";
import type { Change, Move } from "../../src/store/journal/change.ts";
import { ChangeRunner } from "../../src/store/journal/change-runner.ts";
import type { Workspace } from "../../src/store/journal/workspace.ts";
import { Layout } from "../../src/store/layout.ts";
import { PluginStore } from "../../src/store/plugin-store.ts";
import { Registry } from "../../src/store/registry/registry.ts";
import type { StagedFile } from "../../src/store/versions/version-change.ts";
import { findVersion, type WantedVersion } from "../../src/store/versions/version-list.ts";
import { type Faults, type FileOperation, type Observed, observe } from "../support/file-operations.ts";
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

/** Another base folder with the same in it. */
export async function copyOf({ base }: Layout): Promise<Layout> {
  const copy = new Layout(await tempFolder());
  await cp(base, copy.base, { recursive: true, verbatimSymlinks: true });
  return copy;
}

/** Carries out a change as the server does, to the end or until it is killed. The test file has to mock, see `observe`. */
export async function runChange(
  change: Change,
  workspace: Workspace,
  layout: Layout,
  faults: Faults = {},
): Promise<Observed> {
  const { log } = testLog();
  const registry = await Registry.open(layout.registryFile, log);
  const runner = new ChangeRunner({ layout, registry, unsettled: new Map(), log });
  return observe(async () => {
    await using _ended = workspace;
    await runner.commit(change, workspace);
  }, faults);
}

/** How old files get their second name: a link, or a copy on a file system that has no links, or to another mount. */
export const SECOND_NAMES: readonly (readonly [string, Pick<Faults, "fail">])[] = [
  ["links", {}],
  ["copies", { fail: ({ call }) => (call === "link" ? "EPERM" : undefined) }],
  ["copies, new ones as copies too, on other mounts", { fail: isAcrossMounts }],
];

/** As if each folder of a type was mounted by itself. */
function isAcrossMounts({ call, paths: [from = "", to = ""] }: FileOperation): string | undefined {
  if (call !== "rename" && call !== "link") return undefined;
  return from.includes("/.changes/") === to.includes("/.changes/") ? undefined : "EXDEV";
}

/** Whether the registry was written: from here on a change has happened. */
export function isDone({ operations }: Observed, layout: Layout): boolean {
  return operations.some((operation) => renamesTo(operation, layout.registryFile));
}

export function renamesTo({ call, paths }: FileOperation, path: string): boolean {
  return call === "rename" && paths[1] === path;
}

/** Whether the registry's new content is on its way: every file of a change is in its place by then. */
export function beginsRegistry({ call, paths: [path = ""] }: FileOperation): boolean {
  return call === "open" && path.includes("/plugins/registry.json.");
}

/** The last of the operations, for the message of a test that fails. */
export function lastOf({ operations }: Observed, layout: Layout): string {
  const { call, paths } = operations.at(-1) ?? { call: "nothing", paths: [] };
  return [call, ...paths.map((path) => relative(layout.base, path))].join(" ");
}
