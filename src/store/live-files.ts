import type { FilePath } from "../domain/file-path.ts";
import { statIfThere } from "./durable.ts";
import { sha256OfFile } from "./file-sha256.ts";
import type { Layout } from "./layout.ts";

/**
 * What is there now: the sha256 of each file, null for a link and anything else that is no file. What is not there is
 * not in it, nor are folders: they are in the way, and the change will be refused for them.
 */
export type LiveFiles = ReadonlyMap<FilePath, string | null>;

/** Reads every file, so it is for configuration, not for a .so. */
export async function readLiveFiles(paths: Iterable<FilePath>, layout: Layout): Promise<LiveFiles> {
  const live = new Map<FilePath, string | null>();
  for (const path of new Set(paths)) {
    const file = layout.absolute(path);
    const stat = await statIfThere(file);
    if (stat === undefined || stat.isDirectory()) continue;
    live.set(path, stat.isFile() ? await sha256OfFile(file) : null);
  }
  return live;
}
