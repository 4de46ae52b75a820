import type { Config } from "../../../src/config/schema.ts";
import { printable } from "../../../src/lib/text.ts";
import { pluginEntries } from "../plugin-zip.ts";
import { buildZip, type ZipEntry, type ZipOptions } from "../zip.ts";

/** A zip that is a good plugin but for one thing, for which it is to be refused whole. */
export interface HostileZip {
  readonly title: string;
  readonly zip: () => Buffer;
  /** Words that the sentence of the refusal has. */
  readonly refused: RegExp;
}

/** The limits that the tables are written for: what is too much is just over these. */
export const HOSTILE_LIMITS: Config["pluginPackage"] = {
  maxEntries: 64,
  maxEntryBytes: 11 * 1024 * 1024,
  maxTotalBytes: 16 * 1024 * 1024,
  maxRatio: 200,
  unpackTimeoutSeconds: 60,
  maxCheckedJsonBytes: 2 ** 22,
  maxCheckedYamlBytes: 2 ** 18,
};

export const SO_NAME = "Random@v1.0.0.so";
export const YAML_NAME = "random.yaml";

/** The plugin in each of the zips: source `random`, with more than one entry of its own kind to spoil. */
const GOOD_ENTRIES: readonly ZipEntry[] = pluginEntries({
  type: "sources",
  name: "random",
  json: '{"about":{"author":{"name":"EMQ"}}}\n',
  etc: { "lookup/cities.csv": "id,city\n1,Hangzhou\n" },
  files: { "README.md": "Numbers at random.\n" },
});

export function goodEntries(): ZipEntry[] {
  return [...GOOD_ENTRIES];
}

export function goodZip(options?: ZipOptions): Buffer {
  return buildZip(goodEntries(), options);
}

/** The good plugin with these entries after its own. */
export function withEntries(...entries: ZipEntry[]): Buffer {
  return buildZip([...goodEntries(), ...entries]);
}

/** The good plugin with one of its entries changed. */
export function withChanged(name: string, change: Partial<ZipEntry>, options?: ZipOptions): Buffer {
  return buildZip(changed(name, change), options);
}

export function changed(name: string, change: Partial<ZipEntry>): ZipEntry[] {
  const entries = goodEntries();
  if (!entries.some((entry) => entry.name === name)) throw new Error(`the good plugin has no ${name}`);
  return entries.map((entry) => (entry.name === name ? { ...entry, ...change } : entry));
}

/** The content of an entry of the good plugin. */
export function goodData(name: string): Buffer {
  const data = goodEntries().find((entry) => entry.name === name)?.data;
  if (data === undefined) throw new Error(`the good plugin has no ${name}`);
  return Buffer.from(data);
}

/** The file as a whole is no zip: the original's words. */
export const NOT_A_ZIP = /zip: not a valid zip file/;

/** Either of the original's sentences, where it depends on the reader which one is hit first. */
export const NOT_A_GOOD_ZIP = /not a valid zip file|invalid zip file/;

/** The original's words for a broken CRC. */
export const CHECKSUM = /zip: checksum error/;

/** A refusal that names the entry, in the form that is safe to print, and has one of the words in any case. */
export function names(entry: string, words?: RegExp): RegExp {
  return says(literal(printable(entry)), words);
}

/** A refusal that has all of these somewhere, in any order and in any case. */
export function says(...parts: (RegExp | undefined)[]): RegExp {
  const all = [/invalid zip file/, ...parts.filter((part) => part !== undefined)];
  return new RegExp(all.map((part) => `(?=[^]*(?:${part.source}))`).join(""), "i");
}

function literal(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
}
