import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { PluginError, storageFailure } from "../domain/errors.ts";
import { type FilePath, type PluginId, volumeOf } from "../domain/plugin.ts";
import { statIfThere } from "../lib/files.ts";
import { mountedAmong } from "../lib/mounts.ts";
import { quoted } from "../lib/text.ts";
import type { Layout } from "./layout.ts";

/** Configuration that is mounted by itself: it is its user's, and can neither be replaced nor removed. */
export async function mountedFiles(paths: Iterable<FilePath>, layout: Layout): Promise<ReadonlySet<FilePath>> {
  return mountedAmong(paths, (path) => layout.absolute(path));
}

/**
 * Refuses what could not be put into place later, before install.sh has changed the system: files in folders that can't
 * be written, or that are links, and a .so that is mounted by itself.
 *
 * @param old files that the change replaces or removes
 * @throws PluginError STORAGE_FAILED, which names the path below the base folder and says what to do
 */
export async function requirePlaceable(
  id: PluginId,
  targets: readonly FilePath[],
  old: readonly FilePath[],
  layout: Layout,
): Promise<void> {
  await refuseMounted([...targets, ...old], layout);
  const folders = new Set(targets.map((target) => dirname(target)));
  for (const folder of [`plugins/${id.type}`, ...folders]) await requireWritable(folder as FilePath, layout);
}

/**
 * @returns the configuration among these files that is mounted by itself
 * @throws PluginError STORAGE_FAILED for a .so, or the registry, that is
 */
export async function refuseMounted(paths: readonly FilePath[], layout: Layout): Promise<ReadonlySet<FilePath>> {
  const found = await mountedFiles(new Set<FilePath>([...paths, "plugins/registry.json"]), layout);
  const mounted = [...found].find((path) => volumeOf(path) === "plugins");
  if (mounted === undefined) return found;
  const advice = `unmount it, and mount the folder ${dirname(mounted)} instead`;
  throw new PluginError("STORAGE_FAILED", `${quoted(mounted)} is mounted by itself and can't be replaced; ${advice}`);
}

/** Of the folder, or of the one that it will be made in. */
async function requireWritable(folder: FilePath, layout: Layout): Promise<void> {
  const path = layout.absolute(folder);
  const isOfType = folder.split("/").length > 1;
  const found = isOfType ? await statIfThere(path) : undefined;
  if (isOfType && found === undefined) return requireWritable(dirname(folder) as FilePath, layout);
  if (found !== undefined && !found.isDirectory()) {
    const what = `${quoted(folder)} is not a folder but a link or a file`;
    throw new PluginError("STORAGE_FAILED", `${what}; move it away and try again`);
  }
  // Without a `dest` the message would name the folder above.
  await access(path, constants.W_OK | constants.X_OK).catch((cause) => {
    throw storageFailure(Object.assign(cause, { dest: `${path}/file` }));
  });
}
