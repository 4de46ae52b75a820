import { AMD64, buildElf, type ElfContents, type ElfFormat, type ElfSymbol, type Relocation } from "./elf.ts";
import type { TypeBlob } from "./go-types.ts";

/** What Go's linker would have written. What is left out has a fitting default. */
export interface GoContents extends Omit<ElfContents, "data" | "symbols" | "relocations"> {
  /** Hashes of packages by import path. A number of bytes fills in for each. */
  readonly packages?: Readonly<Record<string, string>>;
  /** Names of symbols beside those of packages, with their content. */
  readonly strings?: Readonly<Record<string, string>>;
  readonly exports?: readonly string[];
  /** `go.link.…` or, since Go 1.20, `go:link.…`. */
  readonly separator?: "." | ":";
  readonly pluginPath?: string;
  /** Its types: in a plugin with the table of its symbols' types, in a program with the description of the program. */
  readonly types?: TypeBlob;
  /** Of Go 1.18 and later; undefined leaves it out. */
  readonly buildInfo?: { readonly goVersion: string; readonly modules: string };
}

/** Hashes of eight bytes, as since Go 1.15. */
export const RUNTIME = "0102030405060708";

/** The hashes' names, the addresses of which the loader would fill in. */
function linkSymbols({ packages = {}, separator = "." }: GoContents): { name: string; hash: Buffer; path: string }[] {
  return Object.entries(packages).map(([path, hash]) => ({
    name: `go${separator}link.`,
    path,
    hash: Buffer.from(hash, "hex"),
  }));
}

class Data {
  readonly parts: Buffer[] = [];
  length = 0;
  add(bytes: Buffer | string): number {
    const at = this.length;
    const part = Buffer.from(bytes as string);
    const padded = Buffer.alloc(Math.ceil(Math.max(part.length, 1) / 8) * 8);
    part.copy(padded);
    this.parts.push(padded);
    this.length += padded.length;
    return at;
  }
}

function number(value: number, { wordBytes, littleEndian }: ElfFormat): Buffer {
  const bytes = Buffer.alloc(wordBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, wordBytes);
  if (wordBytes === 8) view.setBigUint64(0, BigInt(value), littleEndian);
  else view.setUint32(0, value, littleEndian);
  return bytes;
}

/** A plugin, or without `pluginPath` a program or a library of Go. */
export function goElf(contents: GoContents): Buffer {
  const { format = AMD64, exports = [], strings = {}, pluginPath, buildInfo, types } = contents;
  const word = format.wordBytes;
  const data = new Data();
  const symbols: ElfSymbol[] = [];
  const relocations: Relocation[] = [];
  const links = linkSymbols(contents);
  for (const { name, path, hash } of links) {
    symbols.push({ name: `${name}pkghashbytes.${path}`, at: data.add(hash), size: hash.length });
    symbols.push({ name: `${name}pkghash.${path}`, at: data.add(Buffer.alloc(2 * word)), size: 2 * word });
  }
  for (const [name, text] of Object.entries(strings))
    symbols.push({ name, at: data.add(`${text}\0`), size: text.length + 1 });
  for (const name of exports) symbols.push({ name, at: data.add("code"), size: 4 });

  const typesAt = types === undefined ? 0 : data.add(types.bytes);
  for (const { at, target } of types?.relocations ?? [])
    relocations.push({ at: typesAt + at, target: typesAt + target });
  if (types !== undefined && pluginPath === undefined) {
    const moduleData = data.add(Buffer.alloc(50 * word));
    symbols.push({ name: "runtime.firstmoduledata", at: moduleData, size: 50 * word });
    relocations.push({ at: moduleData + 35 * word, target: typesAt });
    for (const [name, at] of Object.entries(types.interfaces)) symbols.push({ name, at: typesAt + at, size: 8 });
  }
  const entries = types?.table ?? [];
  const symbolTypes = data.add(Buffer.concat(entries.map((entry) => number(entry, { ...format, wordBytes: 4 }))));

  if (pluginPath !== undefined) {
    const pathAt = data.add(pluginPath);
    const table = data.add(Buffer.alloc(links.length * 5 * word));
    for (const [index, { name, path }] of links.entries()) {
      relocations.push({ at: table + (5 * index + 4) * word, symbol: `${name}pkghash.${path}` });
    }
    const count = number(links.length, format);
    const zero = Buffer.alloc(word);
    const before = Buffer.alloc(14 * word);
    const symbolCount = number(entries.length / 2, format);
    const fields = [before, symbolCount, symbolCount, zero, number(pluginPath.length, format), zero, count, count];
    const start = data.add(Buffer.concat(fields));
    const description = start + 16 * word;
    relocations.push({ at: description, target: pathAt }, { at: description + 2 * word, target: table });
    if (types !== undefined) {
      relocations.push({ at: start, target: typesAt }, { at: description - 3 * word, target: symbolTypes });
    }
  }
  if (buildInfo !== undefined) {
    if (data.length % 16 !== 0) data.add(Buffer.alloc(8));
    data.add(inlineBuildInfo(buildInfo, format));
  }
  return buildElf({ ...contents, data: Buffer.concat(data.parts), symbols, relocations });
}

const FRAME = "0123456789abcdef";

/** As since Go 1.18: 32 bytes, then both strings, each after its length. */
export function inlineBuildInfo(
  { goVersion, modules }: { goVersion: string; modules: string },
  format: ElfFormat,
): Buffer {
  const header = Buffer.alloc(32);
  header.write("\xff Go buildinf:", "latin1");
  header[14] = format.wordBytes;
  header[15] = 2 | (format.littleEndian ? 0 : 1);
  return Buffer.concat([header, counted(goVersion), counted(`${FRAME}${modules}${FRAME}`)]);
}

function counted(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
    length.push((rest % 128) | (rest >= 128 ? 128 : 0));
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}
