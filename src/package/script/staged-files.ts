import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { chmod, type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import type { FilePath } from "../../domain/plugin.ts";
import { hasCode } from "../../lib/errors.ts";
import { hashContent, OPEN_WITHOUT_WAITING, statIfThere } from "../../lib/files.ts";
import { printable } from "../../lib/text.ts";
import type { UnpackedFile } from "../unpack.ts";

const OPEN_FLAGS = OPEN_WITHOUT_WAITING | constants.O_NOFOLLOW;
const PERMISSIONS = 0o7777n;

const STILL_WRITTEN = "a file of the plugin is still being written after install.sh has ended";

/** Of all files together, and of each. */
type SizeLimits = Pick<Config["pluginPackage"], "maxEntryBytes" | "maxTotalBytes">;

interface StagedFilesAfter {
  /** The files as they are now. */
  readonly files: readonly UnpackedFile[];
  /** Those with other bytes than the zip's. */
  readonly changed: readonly FilePath[];
}

/**
 * The unpacked files that wait for the commit while install.sh runs. It runs as the server's user, so it can reach them;
 * what is committed and recorded has to be what is there afterwards.
 */
export class StagedFiles {
  readonly #files: readonly UnpackedFile[];
  /** As they were before the script: of the files, and of the folders that they are in. */
  readonly #before: ReadonlyMap<string, BigIntStats>;

  private constructor(files: readonly UnpackedFile[], before: ReadonlyMap<string, BigIntStats>) {
    this.#files = files;
    this.#before = before;
  }

  /** To be called right before the script runs. @throws the file system's error */
  static async beforeScript(files: readonly UnpackedFile[]): Promise<StagedFiles> {
    const before = new Map<string, BigIntStats>();
    for (const path of [...foldersOf(files), ...files.map((file) => file.path)]) {
      const stats = await statIfThere(path);
      if (stats !== undefined) before.set(path, stats);
    }
    return new StagedFiles(files, before);
  }

  /**
   * Looks at every file again after the script: each must still be a regular file of the same owner, with one name. Its
   * mode is set back. Every file is hashed, since neither times nor inodes show all changes (writes to mapped memory
   * leave the times of some file systems alone, and root can set the clock).
   *
   * @throws PluginError SCRIPT_FAILED; the signal's reason; the file system's error
   */
  async afterScript(limits: SizeLimits, signal: AbortSignal): Promise<StagedFilesAfter> {
    for (const folder of foldersOf(this.#files)) await this.#restoreFolder(folder);
    const files: UnpackedFile[] = [];
    const changed: FilePath[] = [];
    let total = 0;
    for (const file of this.#files) {
      const present = await this.#examine(file, limits, signal);
      total += present.bytes;
      if (total > limits.maxTotalBytes) {
        throw failure(
          `the files that install.sh left have more bytes than pluginPackage.maxTotalBytes (${limits.maxTotalBytes}) allows`,
        );
      }
      if (present.sha256 !== file.sha256) changed.push(file.target);
      files.push(present);
    }
    return { files, changed };
  }

  /** The folders are for the server's user alone: nobody else may get to the files through an opened one. */
  async #restoreFolder(folder: string): Promise<void> {
    const before = this.#before.get(folder);
    const now = await statIfThere(folder);
    if (before === undefined || now === undefined || !now.isDirectory() || !isSame(before, now)) {
      throw failure("install.sh moved or replaced the folder of the unpacked files; it must leave that folder alone");
    }
    if ((now.mode & PERMISSIONS) !== (before.mode & PERMISSIONS))
      await chmod(folder, Number(before.mode & PERMISSIONS));
  }

  async #examine(file: UnpackedFile, limits: SizeLimits, signal: AbortSignal): Promise<UnpackedFile> {
    signal.throwIfAborted();
    const before = this.#before.get(file.path);
    if (before === undefined) throw new Error(`${file.target} was not there before the script`);
    const named = await statIfThere(file.path);
    refuseUnfit(file, named, before);
    await using handle = await openReadable(file.path, before);
    // What was opened is what counts, should a process outside the script's group have swapped it meanwhile.
    const stats = await handle.stat({ bigint: true });
    refuseUnfit(file, stats, before);
    if (stats.size > limits.maxEntryBytes) {
      throw refusal(
        file,
        `wrote ${stats.size} bytes, more than pluginPackage.maxEntryBytes (${limits.maxEntryBytes}), to`,
      );
    }
    if ((stats.mode & PERMISSIONS) !== (before.mode & PERMISSIONS)) {
      await handle.chmod(Number(before.mode & PERMISSIONS));
    }
    const { sha256, bytes } = await hashContent(handle, Number(stats.size), (read) => {
      signal.throwIfAborted();
      // It was not larger when it was opened.
      if (read > limits.maxEntryBytes) throw failure(STILL_WRITTEN);
    });
    // The commit needs files that are on the disk; what unpacking wrote is there already.
    if (sha256 !== file.sha256 || !isSame(before, stats)) await handle.sync();
    return { ...file, sha256, bytes };
  }
}

function foldersOf(files: readonly UnpackedFile[]): ReadonlySet<string> {
  return new Set(files.map(({ path }) => dirname(path)));
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** @throws PluginError SCRIPT_FAILED */
function refuseUnfit(file: UnpackedFile, stats: BigIntStats | undefined, before: BigIntStats): asserts stats {
  if (stats === undefined) throw refusal(file, "removed");
  if (!stats.isFile()) throw refusal(file, `put ${kindOf(stats)} in the place of`);
  // Whoever has the other name could change the installed file by it.
  if (stats.nlink !== 1n) throw refusal(file, "left a second name (a hard link) of");
  if (stats.uid !== before.uid) throw refusal(file, "gave another owner to");
}

function kindOf(stats: BigIntStats): string {
  if (stats.isSymbolicLink()) return "a symbolic link";
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a named pipe";
  if (stats.isSocket()) return "a socket";
  return "a device";
}

async function openReadable(path: string, before: BigIntStats): Promise<FileHandle> {
  try {
    return await open(path, OPEN_FLAGS);
  } catch (error) {
    if (!hasCode(error, "EACCES")) throw error;
    await chmod(path, Number(before.mode & PERMISSIONS));
    return open(path, OPEN_FLAGS);
  }
}

/** @param what the script did, up to the file's name */
function refusal({ target }: UnpackedFile, what: string): PluginError {
  return failure(
    `install.sh ${what} ${printable(target)}; it may change what is in the plugin's own files, but each must stay a regular file`,
  );
}

function failure(message: string): PluginError {
  return new PluginError("SCRIPT_FAILED", message);
}
