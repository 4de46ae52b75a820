import { randomUUID } from "node:crypto";
import { chmod, lstat, readdir, rename, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { orStorageFailure, PluginError } from "../domain/errors.ts";
import { makeFolder, syncFile, syncFolder } from "../lib/durable.ts";
import { hasCode } from "../lib/errors.ts";
import { quoted } from "../lib/text.ts";

/** Of a file that is incomplete. No name of an upload begins with a dot. */
const UNFINISHED_PREFIX = ".unfinished-";

/** What makes a file, and who may read it then. */
export interface Making {
  /** Creates the file at that path. */
  readonly fill: (path: string) => Promise<void>;
  /** Of the whole file, such as 0o644. */
  readonly mode: number;
}

/** The size of the folder without one of its files. */
interface Usage {
  readonly files: number;
  readonly bytes: number;
}

/**
 * The folder of the uploaded files. They are regular files; a link is never followed, since it could lead out of the
 * folder. That the folder itself may be one is the operator's business.
 */
export class UploadFolder {
  readonly #folder: string;
  readonly #inTurn = pLimit(1);

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Absolute paths, in alphabetical order. @throws PluginError STORAGE_FAILED */
  async list(): Promise<string[]> {
    return (await this.#names()).sort().map((name) => join(this.#folder, name));
  }

  /** @throws PluginError STORAGE_FAILED */
  async usageWithout(name: string): Promise<Usage> {
    const others = (await this.#names()).filter((one) => one !== name);
    let bytes = 0;
    for (const one of others) {
      const stats = await lstat(join(this.#folder, one)).catch(() => undefined); // deleted meanwhile
      bytes += stats?.isFile() ? stats.size : 0;
    }
    return { files: others.length, bytes };
  }

  /**
   * Replaces a file atomically: until it is complete, a file of that name stays as it is.
   *
   * @param admit called just before, with the bytes of the file, while no other file is put into place
   * @returns its absolute path
   * @throws PluginError STORAGE_FULL, STORAGE_FAILED, NAME_INVALID; what `making.fill` and `admit` throw
   */
  async put(name: string, making: Making, admit: (bytes: number) => Promise<void>): Promise<string> {
    const path = join(this.#folder, name);
    const unfinished = join(this.#folder, UNFINISHED_PREFIX + randomUUID());
    return stored(async () => {
      await makeFolder(this.#folder);
      try {
        await making.fill(unfinished);
        await chmod(unfinished, making.mode);
        await syncFile(unfinished);
        await this.#inTurn(async () => {
          await admit((await lstat(unfinished)).size);
          await rename(unfinished, path); // replaces a link, and does not follow it
        });
        await syncFolder(this.#folder);
        return path;
      } catch (error) {
        await rm(unfinished, { force: true }).catch(() => {});
        if (hasCode(error, "EISDIR", "ENOTEMPTY")) throw takenByFolder(name, error);
        throw error;
      }
    });
  }

  /** @throws PluginError UPLOAD_NOT_FOUND, STORAGE_FAILED */
  async remove(name: string): Promise<void> {
    const path = join(this.#folder, name);
    await stored(async () => {
      try {
        const stats = await lstat(path);
        if (!stats.isFile() && !stats.isSymbolicLink()) throw notFound(name);
        await unlink(path);
      } catch (error) {
        throw hasCode(error, "ENOENT", "ENOTDIR") ? notFound(name, error) : error;
      }
    });
  }

  /** Removes what an earlier process did not finish. @throws PluginError STORAGE_FAILED */
  async clear(): Promise<void> {
    await stored(async () => {
      const unfinished = (await entriesOf(this.#folder)).filter(({ name }) => name.startsWith(UNFINISHED_PREFIX));
      for (const { name } of unfinished) await rm(join(this.#folder, name), { force: true });
    });
  }

  async #names(): Promise<string[]> {
    return stored(async () => {
      const entries = await entriesOf(this.#folder);
      return entries.filter((entry) => entry.isFile() && isUploadName(entry.name)).map(({ name }) => name);
    });
  }
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return []; // nothing was ever uploaded
    throw error;
  }
}

function stored<T>(work: () => Promise<T>): Promise<T> {
  return orStorageFailure(work, "the server can't use the folder of uploads");
}

function takenByFolder(name: string, cause: unknown): PluginError {
  return new PluginError("NAME_INVALID", `invalid name ${quoted(name)}: there is a folder of that name`, { cause });
}

function notFound(name: string, cause?: unknown): PluginError {
  return new PluginError("UPLOAD_NOT_FOUND", `there is no file ${quoted(name)}`, { cause });
}

/** File systems take 255 bytes; some tools add to a name. */
const MAX_BYTES = 200;
const MAX_SHOWN = 40;

/**
 * The rule for the name of an uploaded file: one plain file name that leads nowhere else and is not hidden.
 *
 * @throws PluginError NAME_INVALID
 */
export function checkUploadName(name: string): string {
  const objection = objectionTo(name);
  if (objection === undefined) return name;
  throw new PluginError("NAME_INVALID", `invalid name ${quoted(name, MAX_SHOWN)}: ${objection}`);
}

/** Whether a file in the folder is one that could have been uploaded. */
function isUploadName(name: string): boolean {
  return objectionTo(name) === undefined;
}

function objectionTo(name: string): string | undefined {
  if (name.trim() === "") return "should not be empty";
  if (name.startsWith(".")) return "should not begin with a dot";
  if (/[/\\]/.test(name)) return "should be the name of one file, without folders";
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return "should have no control characters";
  const bytes = Buffer.byteLength(name);
  return bytes > MAX_BYTES ? `should have at most ${MAX_BYTES} bytes, this has ${bytes}` : undefined;
}
