import { type Volume, volumeOf } from "../../domain/plugin.ts";
import type { InstalledFile, PluginEntry } from "../../domain/plugin-entry.ts";

/** The content of a file. It is kept on the volume where it is used, since hard links do not cross volumes. */
export interface Content {
  readonly volume: Volume;
  readonly sha256: string;
}

const SHA256 = /^[0-9a-f]{64}$/;

/** Defaults of larger configuration files are not kept: what people edit by hand is smaller. */
const MAX_DEFAULT_BYTES = 1024 * 1024;

export function isSha256(value: string): boolean {
  return SHA256.test(value);
}

/** The content of an installed file, or undefined where its sha256 is unknown. */
export function contentOf({ path, sha256 }: InstalledFile): Content | undefined {
  return sha256 !== undefined && isSha256(sha256) ? { volume: volumeOf(path), sha256 } : undefined;
}

/** Whether a copy of the file is kept from its install on: once a user has edited it, the original is gone. */
export function hasKeptDefault({ path, bytes }: InstalledFile): boolean {
  return volumeOf(path) === "etc" && bytes !== undefined && bytes <= MAX_DEFAULT_BYTES;
}

/** What an install.sh printed is kept as its files are. */
type WithLog = Pick<PluginEntry, "installLog">;

export function logContentOf({ installLog: sha256 }: WithLog): Content | undefined {
  return sha256 !== undefined && isSha256(sha256) ? { volume: "plugins", sha256 } : undefined;
}

/**
 * The kept contents that an entry refers to: those of its earlier versions, its default configuration, and what the
 * install.sh of each printed.
 */
export function contentsOf(entry: Pick<PluginEntry, "files" | "versions"> & WithLog): Content[] {
  const { files, versions = [] } = entry;
  const kept = [...files.filter(hasKeptDefault), ...versions.flatMap((version) => version.files)];
  const logs = [entry, ...versions].flatMap((version) => logContentOf(version) ?? []);
  return [...kept.flatMap((file) => contentOf(file) ?? []), ...logs];
}

/** How often each content is referred to. */
export class References {
  readonly #counts: Readonly<Record<Volume, Map<string, number>>> = { plugins: new Map(), etc: new Map() };

  count({ volume, sha256 }: Content): number {
    return this.#counts[volume].get(sha256) ?? 0;
  }

  add(contents: Iterable<Content>): void {
    for (const content of contents) this.#counts[content.volume].set(content.sha256, this.count(content) + 1);
  }

  /** @returns the contents without any reference left */
  drop(contents: Iterable<Content>): Content[] {
    const unused: Content[] = [];
    for (const content of contents) {
      const count = this.count(content) - 1;
      if (count > 0) this.#counts[content.volume].set(content.sha256, count);
      else if (this.#counts[content.volume].delete(content.sha256)) unused.push(content);
    }
    return unused;
  }
}
