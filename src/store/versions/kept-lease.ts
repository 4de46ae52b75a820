import { dirname } from "node:path";
import type { Volume } from "../../domain/plugin.ts";
import { syncFiles, syncFolders } from "../../lib/durable.ts";
import type { Content } from "./content.ts";
import type { KeptFiles, Source } from "./kept-files.ts";

/** The kept files that one change needs: none is removed until the lease is disposed. */
export class KeptLease implements AsyncDisposable {
  readonly #kept: KeptFiles;
  readonly #held: Content[] = [];
  readonly #unsynced = new Set<string>();
  readonly #unsyncedFolders = new Set<string>();
  readonly #folders = new Map<Volume, Promise<void>>();

  constructor(kept: KeptFiles) {
    this.#kept = kept;
  }

  /**
   * Holds a content and keeps it, from `source` if need be.
   *
   * @returns whether the content is kept now
   * @throws the file system's error
   */
  async keep(content: Content, source: Source | undefined): Promise<boolean> {
    this.hold([content]);
    const isKept = await this.#kept.put(content, source, this.#makeFolder);
    if (!isKept) return false;
    // Kept or not before: defaults are copied without a sync, and a .so may have been copied in by hand without one.
    this.#unsynced.add(this.#kept.path(content));
    this.#unsyncedFolders.add(dirname(this.#kept.path(content)));
    return true;
  }

  /** Holds contents that are kept already. */
  hold(contents: readonly Content[]): void {
    this.#kept.hold(contents);
    for (const content of contents) this.#held.push(content);
  }

  async keepDefault(content: Content, path: string): Promise<void> {
    this.hold([content]);
    await this.#kept.putDefault(content, path, this.#makeFolder);
  }

  /** Makes what was kept durable, and its names; only then may an entry refer to it. */
  async sync(): Promise<void> {
    await syncFiles(this.#unsynced);
    await syncFolders(this.#unsyncedFolders);
  }

  /** Once for all files of the change. */
  readonly #makeFolder = (volume: Volume): Promise<void> => {
    const made = this.#folders.get(volume) ?? this.#kept.makeFolder(volume);
    this.#folders.set(volume, made);
    return made;
  };

  /** Ends the lease: kept files that no entry refers to are removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept.release(this.#held.splice(0));
  }
}
