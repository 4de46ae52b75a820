import { constants, copyFile, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { PluginError } from "../../domain/errors.ts";
import { VOLUMES, type Volume } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { copyDurably, duplicateFile, makeFolder, statIfThere } from "../../lib/durable.ts";
import { hasCode } from "../../lib/errors.ts";
import { sha256OfFile, syncFile } from "../../lib/files.ts";
import type { Log } from "../../lib/log.ts";
import type { Layout } from "../layout.ts";
import { type Content, contentsOf, isSha256, References } from "./content.ts";

/** A file on its way, which is left when the process ends in the middle of it. */
const PARTIAL = ".partial";
const PARTIAL_NAME = /^[0-9a-f]{64}(\.partial)+$/;

/** A file that has a content. */
export interface Source {
  readonly path: string;
  /** Whether the change takes this name away from the file. Only then may it be linked: who edits it, edits both. */
  readonly isReplaced: boolean;
}

export interface KeptFilesOptions {
  readonly layout: Layout;
  /** Everything that is installed. */
  readonly entries: () => Iterable<PluginEntry>;
  /** Whether the entries are all that may refer to kept files. If not, none is ever removed. */
  readonly isComplete: boolean;
  readonly log: Log;
}

/**
 * The files of earlier versions, each content once, under its sha256. What somebody refers to stays: an entry of the
 * registry, or a change that is going on.
 */
export class KeptFiles {
  readonly #options: KeptFilesOptions;
  readonly #turns = new Map<string, Promise<unknown>>();
  #references: References | undefined;

  constructor(options: KeptFilesOptions) {
    this.#options = options;
  }

  path({ volume, sha256 }: Content): string {
    return this.#options.layout.keptFile(volume, sha256);
  }

  hold(contents: Iterable<Content>): void {
    this.#known.add(contents);
  }

  /** Takes a hold back, and removes what nobody refers to any more. A file that can't be removed is logged. */
  async release(contents: Iterable<Content>): Promise<void> {
    for (const content of this.#known.drop(contents)) await this.#removeUnused(content);
  }

  /** Whether a content will go once `contents` are released. */
  isLastOf(contents: Iterable<Content>, { volume, sha256 }: Content): boolean {
    const own = [...contents].filter((one) => one.volume === volume && one.sha256 === sha256);
    return this.#options.isComplete && this.#known.count({ volume, sha256 }) <= own.length;
  }

  /**
   * Keeps a content, whole and durable but for its name: see `KeptLease.sync`. Hold it before.
   *
   * @returns false where it is not kept and there is no source
   */
  async put(content: Content, source: Source | undefined): Promise<boolean> {
    const file = this.path(content);
    return this.#inTurn(file, async () => {
      if (!(await this.#has(content, source))) {
        if (source === undefined) return false;
        await this.#makeFolder(content.volume);
        await replaceKept(file, source);
      }
      await syncFile(file); // a default was copied without that, and so may be a .so that was copied in by hand
      return true;
    });
  }

  /** Keeps a copy of a default, as well as that can be had cheaply: a power cut may damage it. Never throws. */
  async putDefault(content: Content, path: string): Promise<void> {
    const file = this.path(content);
    await this.#inTurn(file, async () => {
      await this.#makeFolder(content.volume);
      await copyFile(path, file, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    }).catch((err) => {
      if (!hasCode(err, "EEXIST")) this.#options.log.warn({ err }, "the default of a configuration file can't be kept");
    });
  }

  /**
   * Whether what is kept is still that content.
   *
   * @throws the file system's error
   */
  async isWhole(content: Content): Promise<boolean> {
    return this.#inTurn(this.path(content), () => this.#has(content, undefined));
  }

  /** Removes what nobody refers to: what a process that ended in the middle of its work left behind. */
  async sweep(): Promise<void> {
    const { layout, isComplete, log } = this.#options;
    for (const volume of VOLUMES) {
      const folder = layout.versionsFolder(volume);
      if (!(await statIfThere(folder))?.isDirectory()) continue;
      const names = await readdir(folder);
      for (const name of names) if (PARTIAL_NAME.test(name)) await rm(join(folder, name), { force: true });
      const contents = names.filter(isSha256).map((sha256) => ({ volume, sha256 }));
      const unused = contents.filter((content) => this.#known.count(content) === 0);
      if (unused.length > 0 && !isComplete) {
        const sentence = "kept files that no plugin refers to are left, since a registry that was set aside may";
        log.warn({ folder, files: unused.length }, `${sentence}; move it away to have them cleared at the next start`);
      }
      for (const content of unused) await this.#removeUnused(content);
    }
  }

  /** Built when it is first needed: with ten thousand plugins that takes half as long as the rest of a start. */
  get #known(): References {
    if (this.#references === undefined) {
      this.#references = new References();
      for (const entry of this.#options.entries()) this.#references.add(contentsOf(entry));
    }
    return this.#references;
  }

  async #has(content: Content, source: Source | undefined): Promise<boolean> {
    const file = this.path(content);
    const stat = await statIfThere(file);
    if (!stat?.isFile()) return false;
    // A source that costs nothing but a link is better than what may be damaged, and than looking whether it is; and
    // what has another name may be edited under that.
    if (source !== undefined && (source.isReplaced || stat.nlink > 1n)) return false;
    return (await sha256OfFile(file)) === content.sha256;
  }

  async #removeUnused(content: Content): Promise<void> {
    if (!this.#options.isComplete) return;
    const file = this.path(content);
    await this.#inTurn(file, async () => {
      if (this.#known.count(content) > 0) return; // somebody came meanwhile
      await rm(file, { force: true });
    }).catch((err) => this.#options.log.warn({ err }, "a kept file can't be removed; the next start tries again"));
  }

  /** For the server's user alone: what is kept may be secret. */
  async #makeFolder(volume: Volume): Promise<void> {
    const folder = this.#options.layout.versionsFolder(volume);
    const stat = await statIfThere(folder);
    if (stat === undefined) return makeFolder(folder, 0o700);
    if (stat.isDirectory()) return;
    throw new PluginError("STORAGE_FAILED", `${folder} is a link or a file; move it away and try again`);
  }

  /** One at a time for each file, so that none is removed while another change finds it there. */
  async #inTurn<T>(file: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(file) ?? Promise.resolve();
    const result = before.then(work);
    const settled = result.catch(() => {});
    this.#turns.set(file, settled);
    try {
      return await result;
    } finally {
      if (this.#turns.get(file) === settled) this.#turns.delete(file);
    }
  }
}

/** At no instant is there less than before: what is there may be whole, and only be shared. */
async function replaceKept(file: string, { path, isReplaced }: Source): Promise<void> {
  const partial = file + PARTIAL;
  await rm(partial, { force: true });
  await (isReplaced ? duplicateFile : copyDurably)(path, partial);
  await rename(partial, file);
  await rm(partial, { force: true }); // a rename to another name of the same file leaves both
}
