import { constants, copyFile, rename, rm, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PluginError } from "../../domain/errors.ts";
import { type FilePath, type PluginId, volumeOf } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { duplicateFile, makeFolder, syncFile, syncFolder } from "../../lib/durable.ts";
import { hasCode } from "../../lib/errors.ts";
import { removeFolder, sha256OfFile, statIfThere } from "../../lib/files.ts";
import type { Layout } from "../layout.ts";
import { isBeginningOf } from "./beginning.ts";
import { dropRecord, type HandedFile, type HandoverRecord, writeRecord } from "./handover-record.ts";

/** A file that is handed to the engine. */
interface HandedCopy {
  readonly path: FilePath;
  /** Where its content is while the engine may write to `path`: absolute, and not to be written to. */
  readonly copy: string;
}

/**
 * Files of an installed plugin while the engine's own installer writes them once more. It truncates them in place, or
 * removes them first, and where it fails it removes them for good. So each gets a second name in a folder that the
 * engine leaves alone, and the file at its place an inode of its own: no kept version shares it then. A record makes
 * the next start put back what is damaged.
 */
export class Handover {
  readonly id: PluginId;
  /** The change that installed the version. */
  readonly change: string;
  readonly #folder: string;
  readonly #files: readonly HandedFile[];
  readonly #layout: Layout;

  /** One that was begun, by this process or an earlier one. */
  constructor({ type, name, change, files }: HandoverRecord, folder: string, layout: Layout) {
    this.id = { type, name };
    this.change = change;
    this.#folder = folder;
    this.#files = files;
    this.#layout = layout;
  }

  /**
   * Secures the files. Call it inside the plugin's place in the queue.
   *
   * @param paths installed files of the entry; those that are not there are left out
   * @throws PluginError STORAGE_FAILED, or the file system's error; everything is as before then
   */
  static async begin(id: PluginId, entry: PluginEntry, paths: readonly FilePath[], layout: Layout): Promise<Handover> {
    const { change } = entry;
    if (change === undefined) throw new PluginError("STORAGE_FAILED", "the plugin was not installed by this server");
    const folder = join(layout.handoversFolder, change);
    await makeFolder(folder, 0o700); // configuration may hold secrets
    const files: HandedFile[] = [];
    const handover = new Handover({ schema: 1, change, ...id, files }, folder, layout);
    try {
      for (const path of paths) {
        const stat = await statIfThere(layout.absolute(path));
        if (stat === undefined) continue;
        if (!stat.isFile()) throw new PluginError("STORAGE_FAILED", `${path} is not a regular file`);
        const copy = handover.#copy(files.length);
        await duplicateFile(layout.absolute(path), copy);
        files.push({ path, sha256: recordedSha256(entry, path) ?? (await sha256OfFile(copy)) });
      }
      await syncFolder(folder);
      await writeRecord(folder, { schema: 1, change, ...id, files });
      for (const index of files.keys()) await handover.#separate(index);
      return handover;
    } catch (error) {
      await handover.finish().catch(() => {}); // the first error is the one that matters
      throw error;
    }
  }

  get files(): HandedCopy[] {
    return this.#files.map(({ path }, index) => ({ path: path as FilePath, copy: this.#copy(index) }));
  }

  /**
   * Compares what is at the files' places with what was handed over, and puts back what the engine damaged. It may be
   * called again, since the engine may still write. A configuration file that is neither missing nor cut short is an edit
   * of its user, and stays.
   *
   * @returns the files that were damaged
   * @throws the file system's error, after it has tried the other files
   */
  async settle(): Promise<FilePath[]> {
    return this.#each(async (index, found) => {
      if (found === "damaged") await this.#putBack(index);
    });
  }

  /**
   * The same when the engine no longer writes, and ends the hand-over. The committed file itself comes back, also in place
   * of the engine's with the same content: it is durable, and it has the time by which its verdict is known.
   *
   * @returns the files that were damaged
   * @throws the file system's error; the hand-over has not ended then
   */
  async finish(): Promise<FilePath[]> {
    const damaged = await this.#each(async (index, found) => {
      if (found !== "edited") await this.#returnOriginal(index, found === "intact");
    });
    await this.drop();
    return damaged;
  }

  /** Ends it without a look at the files: another version is installed by now, or none. */
  async drop(): Promise<void> {
    for (const index of this.#files.keys()) await rm(this.#beside(index), { force: true });
    await dropRecord(this.#folder);
    await removeFolder(this.#folder);
  }

  async #each(work: (index: number, found: Found) => Promise<void>): Promise<FilePath[]> {
    const damaged: FilePath[] = [];
    const failures: unknown[] = [];
    for (const [index, { path }] of this.#files.entries()) {
      try {
        const found = await this.#look(index);
        if (found === "damaged") damaged.push(path as FilePath);
        await work(index, found);
      } catch (error) {
        failures.push(error); // one file that can't be put back must not prevent the others
      }
    }
    if (failures.length > 0) throw failures[0];
    return damaged;
  }

  #copy(index: number): string {
    return join(this.#folder, `${index}.copy`);
  }

  #target(index: number): string {
    return this.#layout.absolute(this.#files[index]?.path as FilePath);
  }

  /** Hidden, and with none of the endings that engines look for. */
  #beside(index: number): string {
    return join(dirname(this.#target(index)), `.${this.change}.${index}.handover`);
  }

  /** Gives the file at its place an inode of its own. The copy need not be durable: the record and the original are. */
  async #separate(index: number): Promise<void> {
    const target = this.#target(index);
    const stat = await statIfThere(target);
    if (stat === undefined || stat.nlink === 1n) return;
    await this.#copyBeside(index);
    await rename(this.#beside(index), target);
  }

  async #copyBeside(index: number): Promise<void> {
    const [from, beside] = [this.#copy(index), this.#beside(index)];
    await rm(beside, { force: true });
    await copyFile(from, beside, constants.COPYFILE_FICLONE);
    const stat = await statIfThere(from);
    if (stat !== undefined) await utimes(beside, Number(stat.atimeMs) / 1000, Number(stat.mtimeNs) / 1e9);
  }

  async #look(index: number): Promise<Found> {
    const target = this.#target(index);
    const stat = await statIfThere(target);
    if (stat === undefined) return "damaged";
    if (!stat.isFile()) return "edited"; // no engine makes folders or links there
    if ((await sha256OfFile(target)) === this.#files[index]?.sha256) return "intact";
    if (volumeOf(this.#files[index]?.path as FilePath) === "plugins") return "damaged";
    return (await isBeginningOf(target, this.#copy(index))) ? "damaged" : "edited";
  }

  /** The copy stays, since the engine may write once more. */
  async #putBack(index: number): Promise<void> {
    await this.#copyBeside(index);
    await syncFile(this.#beside(index));
    await rename(this.#beside(index), this.#target(index));
    await syncFolder(dirname(this.#target(index)));
  }

  async #returnOriginal(index: number, isIntact: boolean): Promise<void> {
    try {
      await rename(this.#copy(index), this.#target(index));
    } catch (error) {
      if (hasCode(error, "EXDEV")) return this.#putBack(index);
      if (!hasCode(error, "ENOENT") || !isIntact) throw error; // gone where an earlier end was interrupted
    }
    await syncFolder(dirname(this.#target(index)));
  }
}

/** What is at a file's place: `edited` by its user. */
type Found = "intact" | "damaged" | "edited";

/** The .so was hashed by the change that has just put it into place; a configuration file may have been edited since. */
function recordedSha256({ files }: PluginEntry, path: FilePath): string | undefined {
  return volumeOf(path) === "plugins" ? files.find((file) => file.path === path)?.sha256 : undefined;
}
