import { type Volume, volumeOf } from "../../domain/plugin.ts";
import type { InstalledFile, PluginEntry } from "../../domain/plugin-entry.ts";

/** What a file has in it. It is kept on the volume on which it is used, since links don't lead to another one. */
export interface Content {
  readonly volume: Volume;
  readonly sha256: string;
}

const SHA256 = /^[0-9a-f]{64}$/;

/** The largest configuration file of which the default is kept as a copy: what people edit by hand is smaller. */
const MAX_DEFAULT_BYTES = 1024 * 1024;

export function isSha256(text: string): boolean {
  return SHA256.test(text);
}

/** The content of an installed file, or undefined where it is not known. */
export function contentOf({ path, sha256 }: InstalledFile): Content | undefined {
  return sha256 !== undefined && isSha256(sha256) ? { volume: volumeOf(path), sha256 } : undefined;
}

/** Whether a copy of the file is kept from its install on, since after an edit there would be no original. */
export function hasKeptDefault({ path, bytes }: InstalledFile): boolean {
  return volumeOf(path) === "etc" && bytes !== undefined && bytes <= MAX_DEFAULT_BYTES;
}

/** All the kept content that an entry refers to: its earlier versions, and the defaults of its configuration. */
export function contentsOf({ files, versions = [] }: PluginEntry): Content[] {
  const kept = [...files.filter(hasKeptDefault), ...versions.flatMap((version) => version.files)];
  return kept.flatMap((file) => contentOf(file) ?? []);
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

  /** @returns those that nobody refers to any more */
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
