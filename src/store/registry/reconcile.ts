import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isReservedName } from "../../domain/names.ts";
import {
  isFilePath,
  jsonPath,
  PLUGIN_TYPES,
  type PluginId,
  type PluginType,
  parseSoFileName,
  pluginKey,
  type SoFile,
  soPath,
  yamlPath,
} from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { hasCode } from "../../lib/errors.ts";
import { exists } from "../../lib/files.ts";
import type { Log } from "../../lib/log.ts";
import type { Unsettled } from "../journal/recovery.ts";
import type { Layout } from "../layout.ts";
import { isSameFile } from "../same-file.ts";
import type { Registry, RegistryUpdate } from "./registry.ts";

/**
 * Brings the registry and the folders together, as the original does by reading the folders on every start: every
 * .so is a plugin, wherever it came from, and an entry without a .so is removed. Plugins with `unsettled` changes are
 * left alone: their files are those of half a change.
 */
export async function reconcile(
  registry: Registry,
  unsettled: Pick<Unsettled, "has">,
  layout: Layout,
  log: Log,
): Promise<void> {
  const updates: RegistryUpdate[] = [];
  const compared = { registry, skips: (key: string) => unsettled.has(key), layout, log };
  for (const type of PLUGIN_TYPES) {
    const items = await itemsOf(layout.soFolder(type));
    if (isAsKnown(items, registry.entries(type))) continue;
    const found = await soFilesAmong(items, type, layout);
    updates.push(...(await adoptions(type, found, compared)));
    for (const name of registry.names(type)) {
      if (found.has(name) || unsettled.has(pluginKey({ type, name }))) continue;
      log.warn({ plugin: { type, name } }, "a plugin's .so has vanished: the plugin is no longer listed");
      updates.push({ id: { type, name }, entry: null });
    }
  }
  if (updates.length > 0) await registry.adopt(updates, log);
}

/** What is compared: the registry, and the folders but for the files of changes. */
interface Compared {
  readonly registry: Registry;
  /** Whether the files of that plugin, by its key, are those of a change. */
  readonly skips: (key: string) => boolean;
  readonly layout: Layout;
  readonly log: Log;
}

/**
 * What has appeared in a type's folder: plugins that are not in the registry, and other .so files than it has for one.
 *
 * @throws the file system's error
 */
export async function newcomers(type: PluginType, compared: Compared): Promise<RegistryUpdate[]> {
  const { registry, layout } = compared;
  const items = await itemsOf(layout.soFolder(type));
  if (isAsKnown(items, registry.entries(type))) return [];
  return adoptions(type, await soFilesAmong(items, type, layout), compared);
}

async function adoptions(
  type: PluginType,
  found: ReadonlyMap<string, readonly SoFile[]>,
  { registry, skips, layout, log }: Compared,
): Promise<RegistryUpdate[]> {
  const updates: RegistryUpdate[] = [];
  for (const [name, soFiles] of found) {
    const id = { type, name };
    const known = registry.get(id);
    if (known?.soFile === soFiles.at(-1)?.fileName || skips(pluginKey(id))) continue;
    const entry = await reconciled(id, soFiles, known, layout).catch((err) => {
      log.error({ err, plugin: id }, "a plugin that was copied in by hand can't be adopted");
    });
    if (entry === undefined) continue;
    log.info({ plugin: id, file: entry.soFile }, "a plugin that was copied in by hand is adopted");
    updates.push({ id, entry });
  }
  return updates;
}

/** The .so files of a plugin on the disk, in byte order: of several, the engine uses the last. */
export async function findSoFilesOf(id: PluginId, layout: Layout): Promise<SoFile[]> {
  return (await findSoFiles(id.type, layout)).get(id.name) ?? [];
}

/** The entry for a plugin that was copied in by hand, or undefined where there is none. */
export async function adoptable(id: PluginId, layout: Layout): Promise<PluginEntry | undefined> {
  return reconciled(id, await findSoFilesOf(id, layout), undefined, layout);
}

/** Whether the folder has exactly the .so files of the registry, as on most starts: quick with many plugins. */
function isAsKnown(items: readonly Dirent[], entries: ReadonlyMap<string, PluginEntry>): boolean {
  const known = new Set<string>();
  for (const [name, { soFile }] of entries) {
    if (parseSoFileName(soFile)?.name !== name) return false;
    known.add(soFile);
  }
  let seen = 0;
  for (const item of items) {
    if (item.isFile() && known.has(item.name)) seen += 1;
    else if (item.name.endsWith(".so")) return false;
  }
  return seen === entries.size;
}

async function findSoFiles(type: PluginType, layout: Layout): Promise<Map<string, SoFile[]>> {
  return soFilesAmong(await itemsOf(layout.soFolder(type)), type, layout);
}

async function soFilesAmong(
  items: readonly Dirent[],
  type: PluginType,
  layout: Layout,
): Promise<Map<string, SoFile[]>> {
  const folder = layout.soFolder(type);
  const found = new Map<string, SoFile[]>();
  for (const item of items) {
    const soFile = isUsable(item.name, type) ? parseSoFileName(item.name) : undefined;
    if (soFile === undefined || !(item.isFile() || (await isLinkToFile(item, folder)))) continue;
    const files = found.get(soFile.name);
    if (files === undefined) found.set(soFile.name, [soFile]);
    else files.push(soFile);
  }
  for (const files of found.values()) files.sort((a, b) => (a.fileName < b.fileName ? -1 : 1));
  return found;
}

async function itemsOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Whether the engine reads it and the registry accepts its path on the next start. */
function isUsable(fileName: string, type: PluginType): boolean {
  // U+FFFD stands for bytes that are not UTF-8: such a file could be listed but never opened.
  const isReachable = !fileName.includes("\ufffd") && !isReservedName(parseSoFileName(fileName)?.name ?? "");
  return isReachable && !fileName.startsWith(".") && isFilePath(soPath(type, fileName));
}

async function isLinkToFile(item: Dirent, folder: string): Promise<boolean> {
  if (!item.isSymbolicLink()) return false;
  return stat(join(folder, item.name)).then(
    (target) => target.isFile(),
    () => false, // a dangling link is no plugin
  );
}

/** The entry for these .so files, or undefined where the registry has it already. */
async function reconciled(
  id: PluginId,
  soFiles: readonly SoFile[],
  known: PluginEntry | undefined,
  layout: Layout,
): Promise<PluginEntry | undefined> {
  const winner = soFiles.at(-1);
  if (winner === undefined) return undefined;
  const path = soPath(id.type, winner.fileName);
  if (known !== undefined && (await isSameFile(soPath(id.type, known.soFile), path, layout))) return undefined;
  const bySo = soFiles.map(({ fileName }) => ({ path: soPath(id.type, fileName) }));
  const byName = [yamlPath(id), jsonPath(id)];
  const isThere = await Promise.all(byName.map((path) => exists(layout.absolute(path))));
  const byKnown = (known?.files ?? []).filter(({ path }) => !bySo.some((so) => so.path === path));
  const adopted = byName
    .filter((path, index) => isThere[index] && !byKnown.some((installed) => installed.path === path))
    .map((path) => ({ path }));
  return {
    version: winner.version,
    soFile: winner.fileName,
    files: [...bySo, ...byKnown, ...adopted],
    // A .so replaced by hand does not change the earlier versions.
    ...(known?.versions === undefined ? {} : { versions: known.versions }),
    ...(known?.displaced === undefined ? {} : { displaced: known.displaced }),
  };
}
