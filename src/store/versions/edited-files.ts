import { type FilePath, volumeOf } from "../../domain/plugin.ts";
import { duplicateFile } from "../../lib/durable.ts";
import { exists, sha256OfFile, statIfThere } from "../../lib/files.ts";
import { mapInParallel } from "../../lib/in-parallel.ts";
import type { Move } from "../journal/change.ts";
import type { Workspace } from "../journal/workspace.ts";
import type { Layout } from "../layout.ts";

/** A file that a change replaces or removes. */
export interface ReplacedFile {
  readonly path: FilePath;
  /** The content that needs no backup: what was installed, or what is about to be. */
  readonly sha256?: string;
}

/**
 * The moves that back up what users wrote: a configuration file with another content than expected becomes
 * `<name>.bak`, or `<name>.bak.1` and so on where that is taken.
 *
 * @param reserved paths that the change itself needs
 * @throws the file system's error
 */
export async function keepEditedFiles(
  replaced: readonly ReplacedFile[],
  layout: Layout,
  workspace: Workspace,
  reserved: Iterable<FilePath> = replaced.map(({ path }) => path),
): Promise<Move[]> {
  const files = replaced.filter(({ path }) => volumeOf(path) === "etc");
  const live = await readLiveFiles(
    files.map(({ path }) => path),
    layout,
  );
  const edited = files.filter(({ path, sha256 }) => live.has(path) && live.get(path) !== sha256);
  return backUpFiles(
    edited.map(({ path }) => path),
    reserved,
    layout,
    workspace,
  );
}

/**
 * The moves that give files a second name, other than those that the change itself needs (`reserved`).
 *
 * @throws the file system's error
 */
export async function backUpFiles(
  paths: readonly FilePath[],
  reserved: Iterable<FilePath>,
  layout: Layout,
  workspace: Workspace,
): Promise<Move[]> {
  const backUps: { readonly path: FilePath; readonly target: FilePath }[] = [];
  const taken = new Set(reserved);
  for (const path of paths) {
    const target = await freeBackupName(path, taken, layout);
    taken.add(target); // two long names can be the same once they are cut
    backUps.push({ path, target });
  }
  return mapInParallel(backUps, async ({ path, target }) => {
    const { name: staged, path: copy } = workspace.stage(target);
    await duplicateFile(layout.absolute(path), copy);
    return { target, staged };
  });
}

/** A name that is neither on the disk nor taken by the change itself. */
async function freeBackupName(path: FilePath, taken: ReadonlySet<string>, layout: Layout): Promise<FilePath> {
  for (const name of suffixed(path, ".bak")) {
    if (!taken.has(name) && !(await exists(layout.absolute(name)))) return name;
  }
  throw new Error("unreachable: there is no end of names");
}

/**
 * The files on the disk: the sha256 of each, null for a link and anything else that is not a regular file. Missing
 * files are left out, and so are folders: a change that would replace one is refused later.
 */
export type LiveFiles = ReadonlyMap<FilePath, string | null>;

/** Hashes every file, which takes long for a large .so. @throws the file system's error */
export async function readLiveFiles(paths: Iterable<FilePath>, layout: Layout): Promise<LiveFiles> {
  const found = await mapInParallel(new Set(paths), async (path) => {
    const file = layout.absolute(path);
    const stat = await statIfThere(file);
    if (stat === undefined || stat.isDirectory()) return undefined;
    return [path, stat.isFile() ? await sha256OfFile(file, stat.size) : null] as const;
  });
  return new Map(found.filter((one) => one !== undefined));
}

const MAX_NAME_BYTES = 255;

/** A path with a suffix, its name cut to what file systems allow. Two long names can be the same then. */
function withSuffix(path: FilePath, suffix: string): FilePath {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  let name = path.slice(folder.length);
  while (Buffer.byteLength(name + suffix) > MAX_NAME_BYTES) name = [...name].slice(0, -1).join("");
  return `${folder}${name}${suffix}` as FilePath;
}

/** `path.new`, `path.new.1`, … without end, for finding a free name. */
export function* suffixed(path: FilePath, suffix: string): Generator<FilePath, never> {
  for (let count = 0; ; count += 1) yield withSuffix(path, count === 0 ? suffix : `${suffix}.${count}`);
}
