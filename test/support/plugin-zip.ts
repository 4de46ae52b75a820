import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PluginType } from "../../src/domain/plugin.ts";
import { buildZip, type ZipEntry, type ZipOptions } from "./zip.ts";
import { FILE_TYPE } from "./zip-fields.ts";

/** What is in a plugin's zip. What is left out has a fitting default; `null` leaves the file out of the zip. */
export interface PluginContents {
  readonly type: PluginType;
  readonly name: string;
  /** As in the .so's name, without the `v`. Default 1.0.0; empty for a .so without a version. */
  readonly version?: string;
  /** Default `Random@v1.0.0.so` for random. */
  readonly soName?: string;
  readonly soContent?: string | Buffer | null;
  /** `<name>.yaml`. Default: a small one for a source, none for the other types. */
  readonly yaml?: string | null;
  /** `<name>.json`. */
  readonly json?: string;
  /** Files below `etc/`, by their path there. */
  readonly etc?: Readonly<Record<string, string>>;
  /** install.sh. */
  readonly script?: string;
  /** Other files, by their path in the zip. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Entries as the zip writer takes them, after all others. */
  readonly extraEntries?: readonly ZipEntry[];
}

export function pluginZip(contents: PluginContents, options?: ZipOptions): Buffer {
  return buildZip(pluginEntries(contents), options);
}

/** Writes `<name>.zip`, or `fileName`, into the folder and returns its path. */
export async function writePluginZip(
  folder: string,
  contents: PluginContents,
  fileName = `${contents.name}.zip`,
): Promise<string> {
  const path = join(folder, fileName);
  await writeFile(path, pluginZip(contents));
  return path;
}

/** The entries of a plugin's zip, for tests that spoil some of them. */
export function pluginEntries(contents: PluginContents): ZipEntry[] {
  const { name, soContent = defaultSo(contents), yaml = defaultYaml(contents) } = contents;
  const files: Record<string, string | Buffer | null | undefined> = {
    [contents.soName ?? defaultSoName(contents)]: soContent,
    [`${name}.yaml`]: yaml,
    [`${name}.json`]: contents.json,
    ...Object.fromEntries(Object.entries(contents.etc ?? {}).map(([path, data]) => [`etc/${path}`, data])),
    "install.sh": contents.script,
    ...contents.files,
  };
  const entries = Object.entries(files).flatMap(([path, data]) => (data == null ? [] : [fileEntry(path, data)]));
  return [...entries, ...(contents.extraEntries ?? [])];
}

/**
 * Bytes like those of a program: they begin like an ELF file and deflate to about 45%. The same seed gives the
 * same bytes.
 */
export function realisticBinary(length: number, seed: number): Buffer {
  const random = seededRandom(seed);
  const phrases = Array.from({ length: 64 }, () => randomBytes(4 + Math.floor(random() * 12), random));
  // A tile longer than deflate's 32 KiB window: repeating it saves time here and gives deflate nothing.
  const tile = Buffer.alloc(Math.min(length, 256 * 1024));
  for (let at = 0; at < tile.length; ) {
    const phrase = phrases[Math.floor(random() * phrases.length)];
    const piece = random() < 0.64 && phrase ? phrase : randomBytes(6, random);
    at += piece.copy(tile, at);
  }
  const whole = Buffer.alloc(length, tile);
  ELF_IDENT.copy(whole);
  return whole;
}

const ELF_IDENT = Buffer.from("\x7fELF\x02\x01\x01", "latin1");

function fileEntry(path: string, data: string | Buffer): ZipEntry {
  const permissions = /\.(so|sh)$/.test(path) ? 0o755 : 0o644;
  return { name: path, data, mode: FILE_TYPE.regular | permissions };
}

function defaultSoName({ name, version = "1.0.0" }: PluginContents): string {
  const exported = name.charAt(0).toUpperCase() + name.slice(1);
  return version === "" ? `${exported}.so` : `${exported}@v${version}.so`;
}

/** Differs with the name and the version, so that a test sees which one is installed. */
function defaultSo({ type, name, version = "" }: PluginContents): Buffer {
  const text = `${type}/${name}@${version}`;
  const seed = [...text].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0, 7);
  return realisticBinary(8 * 1024, seed);
}

function defaultYaml({ type }: PluginContents): string | null {
  return type === "sources" ? "default:\n  interval: 1000\n  seed: 1\n" : null;
}

function randomBytes(length: number, random: () => number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

/** mulberry32: numbers from 0 to below 1, the same ones for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
