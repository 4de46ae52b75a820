import { createHash } from "node:crypto";
import { type FileHandle, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import pLimit from "p-limit";
import type { FilePath } from "../domain/plugin.ts";
import { syncFiles } from "../lib/durable.ts";
import { hasCode } from "../lib/errors.ts";
import { Breather } from "../lib/event-loop.ts";
import { mapInParallel } from "../lib/in-parallel.ts";
import { EntryReader, isSmall } from "./entry-data.ts";
import { ExactModes, NewFile } from "./new-file.ts";
import type { PackagePlan } from "./plan.ts";
import { pathOnDisk } from "./raw-path.ts";
import { archiveError, quotedName, refusedEntry } from "./refusal.ts";
import type { ZipEntry } from "./zip-entry.ts";

/** Data goes to the disk while there is more to unpack, so that the last sync has little left to wait for. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024;

/** A file that was unpacked for one of the engine's folders. */
export interface UnpackedFile {
  readonly target: FilePath;
  /** The name under which it is staged, and its path. */
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Where unpacked files are kept until the install is final. */
export interface Staging {
  /** A new file on the same volume as `target`. */
  stage(target: FilePath): { readonly name: string; readonly path: string };
  readonly scriptFolder: string;
}

/** Receives how many bytes are unpacked, of all. */
interface ByteCounter {
  bytes(done: number, total?: number): void;
}

/**
 * Unpacks every entry as planned, a few small ones at once. Sizes and checksums are those of the data itself: an entry
 * that yields more than it announced is stopped at that byte. The engine's files are synced when this resolves.
 *
 * @throws PluginError ARCHIVE_INVALID for the first bad entry in the zip's order; the signal's reason; the file system's error
 */
export async function unpack(
  zip: FileHandle,
  plan: Pick<PackagePlan, "files" | "hasScript" | "scriptFolders">,
  staging: Staging,
  signal: AbortSignal,
  counter: ByteCounter,
): Promise<UnpackedFile[]> {
  const total = plan.files.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
  let done = 0;
  const count = (bytes: number) => {
    done += bytes;
    counter.bytes(done, total);
  };
  const script = plan.hasScript ? await ScriptFolder.make(staging.scriptFolder, plan.scriptFolders) : undefined;
  const reader = new EntryReader(zip);
  const modes = new ExactModes();
  const breather = new Breather(); // entries without data, for example, never wait for anything
  const inTurn = pLimit(1); // a large entry keeps a processor busy, and needs megabytes

  const unpacked = await mapInParallel(plan.files, async ({ entry, place }, stopIfFailed) => {
    const check = () => {
      signal.throwIfAborted();
      stopIfFailed();
    };
    const copy = async (file: NewFile | undefined) => {
      check();
      const sha256 = await copyChecked(entry, reader.read(entry, check), file, count);
      await file?.written();
      await breather.breathe();
      return sha256;
    };
    const copyTo = (file?: NewFile) => (isSmall(entry) ? copy(file) : inTurn(copy, file));
    check();
    if (place.kind === "engine") {
      const { name, path } = staging.stage(place.target);
      await using file = await NewFile.create(path, { mode: place.mode, modes, syncEveryBytes: SYNC_EVERY_BYTES });
      const sha256 = await copyTo(file);
      return { target: place.target, name, path, sha256, bytes: entry.uncompressedSize };
    }
    if (place.kind === "script" && script !== undefined) {
      await using file = await script.create(entry, place);
      await copyTo(file);
    } else {
      // Nothing uses this file without a script. It is read all the same: a damaged zip is refused as a whole.
      await copyTo();
    }
    return undefined;
  });
  signal.throwIfAborted();
  const files = unpacked.filter((file) => file !== undefined);
  await syncFiles(files.map(({ path }) => path));
  return files;
}

/** The folder in which install.sh runs. */
class ScriptFolder {
  readonly #path: string;
  readonly #folders = new Set<string>(["."]);
  readonly #modes = new ExactModes();
  /** In the zip's order: of two names that are one to the file system, the second is refused. */
  readonly #inOrder = pLimit(1);

  private constructor(path: string) {
    this.#path = path;
  }

  static async make(path: string, folders: readonly string[]): Promise<ScriptFolder> {
    await mkdir(path);
    const made = new ScriptFolder(path);
    for (const folder of folders) await made.#makeFolder(folder);
    return made;
  }

  /** @throws PluginError ARCHIVE_INVALID on a file system where the name is taken by another entry's */
  async create(entry: ZipEntry, { path, mode }: { readonly path: string; readonly mode: number }): Promise<NewFile> {
    return this.#inOrder(async () => {
      try {
        await this.#makeFolder(dirname(path));
        return await NewFile.create(pathOnDisk(this.#path, path), { mode, modes: this.#modes });
      } catch (cause) {
        if (!hasCode(cause, "EEXIST", "ENOTDIR", "EISDIR")) throw cause;
        throw refusedEntry(entry, "its name differs from another's in a way that this file system ignores", cause);
      }
    });
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    await mkdir(pathOnDisk(this.#path, folder), { recursive: true });
    this.#folders.add(folder);
  }
}

/** The .so of the plan among what was unpacked. */
export function unpackedSo({ soFile }: PackagePlan, files: readonly UnpackedFile[]): UnpackedFile {
  const so = files.find(({ target }) => target.endsWith(`/${soFile.fileName}`));
  if (so === undefined) throw new Error("a plan without a .so");
  return so;
}

/**
 * Copies an entry's data to a file, or nowhere, and compares it with what the entry announces.
 *
 * @returns the SHA-256 in hexadecimal
 */
async function copyChecked(
  entry: ZipEntry,
  data: AsyncIterable<Buffer>,
  file: NewFile | undefined,
  count: (bytes: number) => void,
): Promise<string> {
  const hash = createHash("sha256");
  let checksum = 0;
  let bytes = 0;
  for await (const chunk of data) {
    bytes += chunk.length;
    if (bytes > entry.uncompressedSize) throw refusedEntry(entry, "it has more data than it announces");
    checksum = crc32(chunk, checksum);
    hash.update(chunk);
    count(chunk.length);
    await file?.write(chunk);
  }
  if (bytes < entry.uncompressedSize) throw refusedEntry(entry, "it has less data than it announces");
  if (checksum !== entry.crc32) throw archiveError(`zip: checksum error (${quotedName(entry.rawName)})`);
  return hash.digest("hex");
}
