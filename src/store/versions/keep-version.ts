import { realpath } from "node:fs/promises";
import { type FilePath, type PluginId, soPath, volumeOf } from "../../domain/plugin.ts";
import type { InstalledFile, KeptVersion, PluginEntry } from "../../domain/plugin-entry.ts";
import { sha256OfFile, statIfThere } from "../../lib/files.ts";
import { mapInParallel } from "../../lib/in-parallel.ts";
import type { Layout } from "../layout.ts";
import { contentOf, hasKeptDefault } from "./content.ts";
import type { LiveFiles } from "./edited-files.ts";
import type { KeptLease } from "./kept-lease.ts";
import { versionId } from "./version-list.ts";

/** The version that a change replaces. */
export interface OldVersion {
  readonly entry: PluginEntry;
  /** Its files, and any other .so of the plugin's name. */
  readonly files: readonly InstalledFile[];
}

/** A .so that is kept, as it was found. */
export type KeptSo = Required<Pick<InstalledFile, "path" | "sha256" | "bytes">>;

/**
 * Keeps every .so of the old version as it is on the disk. Each is hashed although the entry has a hash: it may have
 * been replaced by hand, which neither size nor times show for certain.
 *
 * @param staying those that the change leaves where they are
 * @throws the file system's error
 */
export async function keepSoFiles(
  { files }: OldVersion,
  staying: ReadonlySet<FilePath>,
  lease: KeptLease,
  layout: Layout,
): Promise<KeptSo[]> {
  const kept: KeptSo[] = [];
  for (const { path } of files) {
    const so = volumeOf(path) === "plugins" ? await findSo(layout.absolute(path)) : undefined;
    if (so === undefined) continue;
    const { file, isLink, bytes } = so;
    const sha256 = await sha256OfFile(file);
    await lease.keep({ volume: "plugins", sha256 }, { path: file, isReplaced: !staying.has(path) && !isLink });
    kept.push({ path, sha256, bytes });
  }
  return kept;
}

interface KeepVersionOptions extends OldVersion {
  readonly id: PluginId;
  readonly soFiles: readonly KeptSo[];
  /** The configuration as it is on the disk. */
  readonly live: LiveFiles;
  /** Paths that the change replaces or removes. */
  readonly replaced: ReadonlySet<FilePath>;
}

/**
 * Keeps the configuration of the old version as it was installed, and describes the version with these .so files. An
 * edited file belongs to its user: if its default is not kept, only the path is recorded, and a rollback leaves it.
 *
 * @returns undefined where its .so is gone: without it a rollback is impossible
 * @throws the file system's error
 */
export async function keepVersion(
  { id, entry, files, soFiles, live, replaced }: KeepVersionOptions,
  lease: KeptLease,
  layout: Layout,
): Promise<KeptVersion | undefined> {
  if (!soFiles.some(({ path }) => path === soPath(id.type, entry.soFile))) return undefined;
  const configuration = files.filter(({ path, defaultOf }) => volumeOf(path) === "etc" && defaultOf === undefined);
  const keptConfiguration = await mapInParallel(configuration, async (file): Promise<InstalledFile> => {
    const content = contentOf(file);
    const isReplaced = replaced.has(file.path) && !hasKeptDefault(file);
    const isUnedited = content !== undefined && live.get(file.path) === content.sha256;
    const source = isUnedited ? { path: layout.absolute(file.path), isReplaced } : undefined;
    const isKept = content !== undefined && (await lease.keep(content, source));
    return isKept ? file : { path: file.path };
  });
  const kept = [...soFiles, ...keptConfiguration];
  const {
    versions: _,
    compatibility: __,
    change: ___,
    changedAt: ____,
    displaced: _____,
    verified,
    ...version
  } = entry;
  // What was proven of the zip does not hold for a .so that was replaced by hand: a rollback must not believe it.
  const isAsInstalled = soFiles.every(({ path, sha256 }) => {
    return files.some((file) => file.path === path && file.sha256 === sha256);
  });
  const proven = verified !== undefined && isAsInstalled ? { verified } : {};
  return { ...version, ...proven, files: kept, id: versionId({ files: kept }) };
}

interface FoundSo {
  /** The file itself, behind a link. */
  readonly file: string;
  readonly isLink: boolean;
  readonly bytes: number;
}

async function findSo(path: string): Promise<FoundSo | undefined> {
  const named = await statIfThere(path);
  if (named === undefined) return undefined;
  const isLink = named.isSymbolicLink();
  const file = isLink ? await realpath(path).catch(() => path) : path; // where it dangles, the link itself: no file
  const found = isLink ? await statIfThere(file) : named;
  if (!found?.isFile()) return undefined;
  return { file, isLink, bytes: Number(found.size) };
}
