import { Unreadable } from "../file-bytes.ts";
import { DT, type Dynamic, nameTable } from "./dynamic.ts";
import { FieldReader, NumberFilter } from "./fields.ts";
import { type ElfImage, fileOffset } from "./image.ts";

const MiB = 1024 * 1024;

/** An engine of 60 MB has 3 MiB of each; these leave room for one that is ten times as large. */
const MAX_SYMBOL_BYTES = 32 * MiB;
const MAX_NAMES_BYTES = 64 * MiB;

/** Longer names are not found. Go's longest are those of types, which are of no interest here. */
const MAX_NAME_BYTES = 4096;

/** How many symbols one search may find, and how many names it may compare: some thousands in a real file. */
const MAX_FOUND = 20_000;
const MAX_HITS = 200_000;
/** Of all names that one search finds, which are in memory together: 20 000 of 400 bytes. */
const MAX_FOUND_BYTES = 8 * MiB;
/** How many names are compared before the time is checked. */
const HITS_PER_TURN = 256;

/** Positions in an entry, whose first field is the position of the name. */
const LAYOUT_64 = { bytes: 24, section: 6, address: 8, size: 16 } as const;
const LAYOUT_32 = { bytes: 16, section: 14, address: 4, size: 8 } as const;
const layoutOf = ({ format }: ElfImage) => (format.wordBytes === 8 ? LAYOUT_64 : LAYOUT_32);
/** The section of a symbol that the file needs from others. */
const UNDEFINED = 0;

export interface DynamicSymbol {
  readonly name: string;
  readonly index: number;
  readonly address: number;
  readonly size: number;
}

/** Where a file's dynamic symbols and their names are: positions in the file. */
export interface SymbolTable {
  readonly image: ElfImage;
  readonly start: number;
  readonly count: number;
  readonly names: { readonly start: number; readonly size: number };
}

/** @throws Unreadable, also when it has none */
export async function openSymbols(image: ElfImage, dynamic: Dynamic): Promise<SymbolTable> {
  const address = dynamic.get(DT.SYMTAB);
  if (address === undefined) throw new Unreadable("it has no table of symbols");
  const names = nameTable(dynamic);
  if (names.size > MAX_NAMES_BYTES) throw new Unreadable(`its table of names is larger than ${MAX_NAMES_BYTES} bytes`);
  const { bytes } = layoutOf(image);
  const count = await countSymbols(image, dynamic, Math.floor(MAX_SYMBOL_BYTES / bytes));
  return {
    image,
    start: fileOffset(image, address, count * bytes),
    count,
    names: { start: fileOffset(image, names.address, names.size), size: names.size },
  };
}

const U32 = 4;
const CHAIN_END = 1;

/**
 * How many dynamic symbols there are, which only the tables for looking them up by hash say.
 *
 * @throws Unreadable when there are more than `max`
 */
async function countSymbols(image: ElfImage, { get }: Dynamic, max: number): Promise<number> {
  const plain = get(DT.HASH);
  const gnu = get(DT.GNU_HASH);
  let count = 0;
  if (plain !== undefined) {
    // `nchain`, the second number, has an entry for each symbol.
    count = new FieldReader(await image.file.read(fileOffset(image, plain, 2 * U32), 2 * U32), image.format).u32(U32);
  } else if (gnu !== undefined) {
    count = await countByGnuHash(image, gnu, max);
  }
  if (count > max) throw tooManySymbols(max);
  return count;
}

/** A bucket has its chain's first symbol; the chains follow each other, so the last one ends with the last symbol. */
async function countByGnuHash(image: ElfImage, address: number, max: number): Promise<number> {
  const { file, format } = image;
  const headerAt = fileOffset(image, address, 4 * U32);
  const header = new FieldReader(await file.read(headerAt, 4 * U32), format);
  const bucketCount = header.u32(0);
  const firstSymbol = header.u32(U32);
  const bloomWords = header.u32(2 * U32);
  if (bucketCount > max || bloomWords > max) throw tooManySymbols(max);

  const bucketsAt = headerAt + 4 * U32 + bloomWords * format.wordBytes;
  let last = 0;
  for await (const { bytes } of file.slices(bucketsAt, bucketCount * U32, { step: U32 })) {
    const buckets = new FieldReader(bytes, format);
    for (let at = 0; at < buckets.length; at += U32) last = Math.max(last, buckets.u32(at));
  }
  if (last < firstSymbol) return firstSymbol;

  const chainsAt = bucketsAt + bucketCount * U32;
  for (; last <= max; last += 1) {
    const chain = new FieldReader(await file.read(chainsAt + (last - firstSymbol) * U32, U32), format);
    if ((chain.u32(0) & CHAIN_END) !== 0) return last + 1;
  }
  throw tooManySymbols(max);
}

function tooManySymbols(max: number): Unreadable {
  return new Unreadable(`it has more than ${max} symbols`);
}

/** The address of the symbol with that index. @throws Unreadable, also when the file wants it from others */
export async function symbolAddress({ image, start, count }: SymbolTable, index: number): Promise<number> {
  const layout = layoutOf(image);
  if (index >= count) throw new Unreadable(`it has no symbol ${index}`);
  const entry = await image.file.read(start + index * layout.bytes, layout.bytes);
  const fields = new FieldReader(entry, image.format);
  if (fields.u16(layout.section) === UNDEFINED) throw new Unreadable(`its symbol ${index} is in another file`);
  return fields.word(layout.address);
}

/** Names that have `part` at the position `offset` (in bytes). */
export interface NamePattern {
  /** Up to six bytes, a rare one first, are found several times as fast: see StringSearch in Node's string_search.h. */
  readonly part: string;
  readonly offset: number;
  /** They begin with one of these, which are compared before a name becomes a string. */
  readonly prefixes: readonly string[];
  /** Longer names are ignored. At most, and by default, 4096. */
  readonly maxBytes?: number;
}

/**
 * The symbols that a file defines whose names match one of `patterns` and `accept`; not those that it needs from
 * others. Neither table is in memory as a whole, and only names that match become strings.
 *
 * @throws Unreadable
 */
export async function findSymbols(
  table: SymbolTable,
  patterns: readonly NamePattern[],
  accept: (name: string) => boolean,
): Promise<DynamicSymbol[]> {
  const names = await findNames(table, patterns, accept);
  if (names.size === 0) return [];
  const { image, start, count } = table;
  const layout = layoutOf(image);
  const filter = new NumberFilter(names.keys());
  const found: DynamicSymbol[] = [];
  for await (const slice of image.file.slices(start, count * layout.bytes, { step: layout.bytes })) {
    const fields = new FieldReader(slice.bytes, image.format);
    for (let at = 0; at < fields.length; at += layout.bytes) {
      const offset = fields.u32(at);
      const name = filter.mayHave(offset) ? names.get(offset) : undefined;
      if (name === undefined || fields.u16(at + layout.section) === UNDEFINED) continue;
      if (found.length >= MAX_FOUND) throw tooManyFound();
      found.push({
        name,
        index: (slice.at + at) / layout.bytes,
        address: fields.word(at + layout.address),
        size: fields.word(at + layout.size),
      });
    }
  }
  return found;
}

/** Names by their position in the table of names. One may be the end of another: linkers store both once. */
async function findNames(
  { image, names: table }: SymbolTable,
  patterns: readonly NamePattern[],
  accept: (name: string) => boolean,
): Promise<Map<number, string>> {
  const { budget } = image.file;
  const needles = patterns.map(needleOf);
  const names = new Map<number, string>();
  let hits = 0;
  let foundBytes = 0;
  for await (const { at, bytes } of image.file.slices(table.start, table.size, { overlap: MAX_NAME_BYTES })) {
    for (const needle of needles) {
      for (let hit = bytes.indexOf(needle.part); hit !== -1; hit = bytes.indexOf(needle.part, hit + 1)) {
        hits += 1;
        if (hits > MAX_HITS) throw tooManyFound();
        if (hits % HITS_PER_TURN === 0 && budget.shouldYield()) await budget.yield();
        const from = hit - needle.offset;
        if (from < 0 || names.has(at + from)) continue;
        const name = nameAt(bytes, from, needle);
        if (name === undefined || !accept(name)) continue;
        foundBytes += name.length;
        if (names.size >= MAX_FOUND || foundBytes > MAX_FOUND_BYTES) throw tooManyFound();
        names.set(at + from, name);
      }
    }
  }
  return names;
}

type Needle = ReturnType<typeof needleOf>;

function needleOf({ part, offset, prefixes, maxBytes = MAX_NAME_BYTES }: NamePattern) {
  return {
    part: Buffer.from(part),
    offset,
    prefixes: prefixes.map((prefix) => Buffer.from(prefix)),
    maxBytes: Math.min(maxBytes, MAX_NAME_BYTES),
  };
}

/** undefined also where the name continues in the next slice, whose overlap has it as a whole. */
function nameAt(bytes: Buffer, from: number, { prefixes, maxBytes }: Needle): string | undefined {
  const name = bytes.subarray(from, from + maxBytes);
  if (!prefixes.some((prefix) => name.subarray(0, prefix.length).equals(prefix))) return undefined;
  const length = name.indexOf(0);
  return length === -1 ? undefined : name.toString("utf8", 0, length);
}

function tooManyFound(): Unreadable {
  return new Unreadable(`it has more than ${MAX_FOUND} symbols of a kind, or ${MAX_FOUND_BYTES} bytes of their names`);
}
