import { constants, copyFile, readdir, rename, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { PluginError } from "../../domain/errors.ts";
import { VOLUMES, type Volume } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { copyWhole, duplicateFile, makeFolder } from "../../lib/durable.ts";
import { hasCode } from "../../lib/errors.ts";
import { sha256OfFile, statIfThere } from "../../lib/files.ts";
import { mapInParallel } from "../../lib/in-parallel.ts";
import type { Log } from "../../lib/log.ts";
import type { Layout } from "../layout.ts";
import { type Content, contentsOf, isSha256, References } from "./content.ts";

/** Of a file that is being written; one is left over when the process is killed meanwhile. */
const PARTIAL = ".partial";
const PARTIAL_NAME = /^[0-9a-f]{64}(\.partial)+$/;

/** A file to take a content from. */
export interface Source {
  readonly path: string;
  /** Whether the change replaces or removes this path. Only then is it hard-linked: else an edit would change both. */
  readonly isReplaced: boolean;
}

interface KeptFilesOptions {
  readonly layout: Layout;
  /** Every entry of the registry, and what else refers to kept files. */
  readonly entries: () => Iterable<Pick<PluginEntry, "files" | "versions" | "installLog">>;
  /** Whether nothing but these entries can refer to kept files. If not, none is ever removed. */
  readonly isComplete: boolean;
  readonly log: Log;
}

/**
 * The files of earlier versions, each content once, under its sha256. A file stays as long as an entry of the registry
 * or a change in progress refers to it.
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

  /** Adds a reference to each content. */
  hold(contents: Iterable<Content>): void {
    this.#known.add(contents);
  }

  /** Drops a reference to each content, and removes files without any left. One that can't be removed is logged. */
  async release(contents: Iterable<Content>): Promise<void> {
    await mapInParallel(this.#known.drop(contents), (content) => this.#removeUnused(content));
  }

  /** Whether the content will be removed once `contents` are released. */
  isLastOf(contents: Iterable<Content>, { volume, sha256 }: Content): boolean {
    const own = [...contents].filter((one) => one.volume === volume && one.sha256 === sha256);
    return this.#options.isComplete && this.#known.count({ volume, sha256 }) <= own.length;
  }

  /**
   * Keeps a content that is held. It is not durable yet: see `KeptLease.sync`.
   *
   * @param makeFolder see there; a change with many files does that once
   * @returns false where it is neither kept so far nor to be had from a source
   * @throws the file system's error; PluginError STORAGE_FAILED where a link or a file is in the way
   */
  async put(
    content: Content,
    source: Source | undefined,
    makeFolder = (volume: Volume) => this.makeFolder(volume),
  ): Promise<boolean> {
    const file = this.path(content);
    return this.#inTurn(file, async () => {
      if (!(await this.#has(content, source))) {
        if (source === undefined) return false;
        await makeFolder(content.volume);
        await replaceKept(file, source);
      }
      return true;
    });
  }

  /** Keeps a copy of a default without syncing it: a power cut may damage it. Never throws. */
  async putDefault(
    content: Content,
    path: string,
    makeFolder = (volume: Volume) => this.makeFolder(volume),
  ): Promise<void> {
    const file = this.path(content);
    await this.#inTurn(file, async () => {
      await makeFolder(content.volume);
      await copyFile(path, file, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    }).catch((err) => {
      if (!hasCode(err, "EEXIST")) this.#options.log.warn({ err }, "the default of a configuration file can't be kept");
    });
  }

  /**
   * Whether the kept file still has that content.
   *
   * @throws the file system's error
   */
  async isWhole(content: Content): Promise<boolean> {
    return this.#inTurn(this.path(content), () => this.#has(content, undefined));
  }

  /**
   * Makes the folder of the kept files where it is missing. For the server's user alone: configuration may hold secrets.
   *
   * @throws the file system's error; PluginError STORAGE_FAILED where a link or a file is in the way
   */
  async makeFolder(volume: Volume): Promise<void> {
    const folder = this.#options.layout.versionsFolder(volume);
    const stat = await statIfThere(folder);
    if (stat === undefined) return makeFolder(folder, 0o700);
    if (stat.isDirectory()) return;
    throw new PluginError("STORAGE_FAILED", `${folder} is a link or a file; move it away and try again`);
  }

  /** Removes files that nothing refers to: those that a killed process left behind. */
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
        const message = "kept files that no plugin refers to are left, since a registry that was set aside may";
        log.warn({ folder, files: unused.length }, `${message}; move it away to have them cleared at the next start`);
      }
      await mapInParallel(unused, (content) => this.#removeUnused(content));
    }
  }

  /** Built on first use: with ten thousand plugins that takes half as long as the rest of a start. */
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
    // Linking a source again costs less than hashing what is kept; and a file with another name may be edited there.
    if (source !== undefined && (source.isReplaced || stat.nlink > 1n)) return false;
    return (await sha256OfFile(file, stat.size)) === content.sha256;
  }

  async #removeUnused(content: Content): Promise<void> {
    if (!this.#options.isComplete) return;
    const file = this.path(content);
    await this.#inTurn(file, async () => {
      if (this.#known.count(content) > 0) return; // it was held again meanwhile
      await unlink(file).catch((error) => {
        if (!hasCode(error, "ENOENT")) throw error;
      });
    }).catch((err) => this.#options.log.warn({ err }, "a kept file can't be removed; the next start tries again"));
  }

  /** One at a time for each file, so that none is removed while another change relies on it. */
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

/** Replaces a kept file atomically: the old one may be whole, and merely have another name. */
async function replaceKept(file: string, { path, isReplaced }: Source): Promise<void> {
  const partial = file + PARTIAL;
  await rm(partial, { force: true });
  await (isReplaced ? duplicateFile : copyWhole)(path, partial);
  await rename(partial, file);
  if (isReplaced) await rm(partial, { force: true }); // a rename to another name of the same file leaves both
}
