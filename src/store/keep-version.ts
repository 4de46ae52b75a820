import { realpath } from "node:fs/promises";
import { type FilePath, soPath, volumeOf } from "../domain/file-path.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { InstalledFile, KeptVersion, PluginEntry } from "../domain/plugin-entry.ts";
import { contentOf, hasKeptDefault } from "./content.ts";
import { statIfThere } from "./durable.ts";
import { sha256OfFile } from "./file-sha256.ts";
import type { Source } from "./kept-files.ts";
import type { KeptLease } from "./kept-lease.ts";
import type { Layout } from "./layout.ts";
import type { LiveFiles } from "./live-files.ts";
import { versionId } from "./version-id.ts";

/** The version that is installed so far. */
export interface Present {
  readonly id: PluginId;
  readonly entry: PluginEntry;
  /** Its files, and any other .so of the plugin's name. */
  readonly files: readonly InstalledFile[];
  /** Its configuration as it is now. */
  readonly live: LiveFiles;
  /** Names that the change is going to give to other files, or to none. */
  readonly replaced: ReadonlySet<FilePath>;
}

/**
 * Keeps the files of the installed version: a .so as it is, configuration as it was installed. What a user edited is
 * not the version's, so without its default the file is kept by name only, and a rollback leaves it as it is.
 *
 * @returns undefined where its .so is gone, without which there is nothing to go back to
 * @throws the file system's error
 */
export async function keepVersion(
  present: Present,
  lease: KeptLease,
  layout: Layout,
): Promise<KeptVersion | undefined> {
  const { versions: _, compatibility: __, change: ___, ...version } = present.entry;
  const files: InstalledFile[] = [];
  for (const file of present.files) {
    if (file.defaultOf !== undefined) continue;
    const kept = await (volumeOf(file.path) === "plugins" ? keepSo : keepConfiguration)(file, present, lease, layout);
    if (kept !== undefined) files.push(kept);
  }
  const so = soPath(present.id.type, version.soFile);
  if (!files.some(({ path }) => path === so)) return undefined;
  return { ...version, files, id: versionId({ files }) };
}

async function keepSo(
  recorded: InstalledFile,
  { entry, replaced }: Present,
  lease: KeptLease,
  layout: Layout,
): Promise<InstalledFile | undefined> {
  const { path } = recorded;
  const so = await findSo(layout.absolute(path));
  if (so === undefined) return undefined;
  const known = isUntouched(so, recorded, entry.installedAt) ? contentOf(recorded) : undefined;
  const { volume, sha256 } = known ?? { volume: volumeOf(path), sha256: await sha256OfFile(so.file) };
  const isReplaced = replaced.has(path) && !so.isLink;
  await lease.keep({ volume, sha256 }, { path: so.file, isReplaced, bytes: so.bytes });
  return { path, sha256, bytes: so.bytes };
}

interface FoundSo {
  /** Where the file itself is. */
  readonly file: string;
  readonly isLink: boolean;
  readonly bytes: number;
  readonly modifiedMs: number;
}

async function findSo(path: string): Promise<FoundSo | undefined> {
  const named = await statIfThere(path);
  if (named === undefined) return undefined;
  const isLink = named.isSymbolicLink();
  const file = isLink ? await realpath(path).catch(() => path) : path; // a link to nothing is found to be no file
  const found = isLink ? await statIfThere(file) : named;
  if (!found?.isFile()) return undefined;
  return { file, isLink, bytes: Number(found.size), modifiedMs: Number(found.mtimeMs) };
}

/** Whether a .so need not be hashed, which takes a large one seconds on a small machine. */
function isUntouched({ isLink, bytes, modifiedMs }: FoundSo, recorded: InstalledFile, installedAt = ""): boolean {
  return !isLink && bytes === recorded.bytes && modifiedMs <= Date.parse(installedAt);
}

async function keepConfiguration(
  recorded: InstalledFile,
  { live, replaced }: Present,
  lease: KeptLease,
  layout: Layout,
): Promise<InstalledFile> {
  const { path } = recorded;
  const content = contentOf(recorded);
  if (content === undefined) return { path };
  const isReplaced = replaced.has(path) && !hasKeptDefault(recorded);
  const source: Source = { path: layout.absolute(path), isReplaced };
  const isKept = await lease.keep(content, live.get(path) === content.sha256 ? source : undefined);
  return isKept ? recorded : { path };
}
