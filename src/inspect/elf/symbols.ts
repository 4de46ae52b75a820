import { Unreadable } from "../pace.ts";
import { DT, type Dynamic, nameTable } from "./dynamic.ts";
import { Fields } from "./fields.ts";
import { type ElfImage, fileOffset } from "./image.ts";
import { countSymbols, NumberFilter } from "./symbol-count.ts";

const MiB = 1024 * 1024;

/** An engine of 60 MB has 3 MiB of each; these leave room for one that is ten times as large. */
const MAX_SYMBOL_BYTES = 32 * MiB;
const MAX_NAMES_BYTES = 64 * MiB;

/** Names longer than that are not seen. Go's longest are the types' names, which are of no interest here. */
const MAX_NAME_BYTES = 4096;

/** How many symbols one search may find, and how many names it may look at: some thousands in a real file. */
const MAX_FOUND = 20_000;
const MAX_HITS = 200_000;
/** Of all names that one search finds, which are in memory together: 20 000 of 400 bytes. */
const MAX_FOUND_BYTES = 8 * MiB;
/** How many names are looked at between two looks at the clock. */
const HITS_OF_A_TURN = 256;

export interface DynamicSymbol {
  readonly name: string;
  readonly index: number;
  readonly address: number;
  readonly size: number;
}

/**
 * Names that have `text` after `before` further bytes. Up to six bytes, beginning with a rare one, are found several
 * times as fast as more: see StringSearch in Node's string_search.h.
 */
export interface NamePattern {
  readonly text: string;
  readonly before: number;
  /** What such names begin with, one of them: looked at before a name becomes a string. */
  readonly beginnings: readonly string[];
  /** Longer names are passed over. In bytes, up to 4096, which it is if absent. */
  readonly maxBytes?: number;
}

/** Where a file's dynamic symbols and their names are. */
export interface SymbolTable {
  readonly image: ElfImage;
  /** Position in the file. */
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

/**
 * The symbols of a file whose names match one of `patterns`, and `accept`. Only those that it defines, not those that
 * it wants from others. Neither table is in memory as a whole, and only names that match become strings.
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
    const fields = new Fields(slice.bytes, image.format);
    for (let at = 0; at < fields.length; at += layout.bytes) {
      const offset = fields.u32(at);
      const name = filter.mayHave(offset) ? names.get(offset) : undefined;
      if (name === undefined || fields.u16(at + layout.section) === UNDEFINED) continue;
      if (found.length >= MAX_FOUND) throw tooMany();
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

/** Positions in an entry, whose first field is the name's. */
const LAYOUT_64 = { bytes: 24, section: 6, address: 8, size: 16 } as const;
const LAYOUT_32 = { bytes: 16, section: 14, address: 4, size: 8 } as const;
const UNDEFINED = 0;

const layoutOf = ({ format }: ElfImage) => (format.wordBytes === 8 ? LAYOUT_64 : LAYOUT_32);

/** Names by their position in the table of names. One may be the end of another: linkers store both once. */
async function findNames(
  { image, names: table }: SymbolTable,
  patterns: readonly NamePattern[],
  accept: (name: string) => boolean,
): Promise<Map<number, string>> {
  const { pace } = image.file;
  const needles = patterns.map(needleOf);
  const names = new Map<number, string>();
  let hits = 0;
  let foundBytes = 0;
  for await (const { at, bytes } of image.file.slices(table.start, table.size, { overlap: MAX_NAME_BYTES })) {
    for (const needle of needles) {
      for (let hit = bytes.indexOf(needle.text); hit !== -1; hit = bytes.indexOf(needle.text, hit + 1)) {
        hits += 1;
        if (hits > MAX_HITS) throw tooMany();
        if (hits % HITS_OF_A_TURN === 0 && pace.isDue()) await pace.keep();
        const from = hit - needle.before;
        if (from < 0 || names.has(at + from)) continue;
        const name = nameAt(bytes, from, needle);
        if (name === undefined || !accept(name)) continue;
        foundBytes += name.length;
        if (names.size >= MAX_FOUND || foundBytes > MAX_FOUND_BYTES) throw tooMany();
        names.set(at + from, name);
      }
    }
  }
  return names;
}

interface Needle {
  readonly text: Buffer;
  readonly before: number;
  readonly beginnings: readonly Buffer[];
  readonly maxBytes: number;
}

function needleOf({ text, before, beginnings, maxBytes = MAX_NAME_BYTES }: NamePattern): Needle {
  return {
    text: Buffer.from(text),
    before,
    beginnings: beginnings.map((beginning) => Buffer.from(beginning)),
    maxBytes: Math.min(maxBytes, MAX_NAME_BYTES),
  };
}

/** undefined also where it goes on in the next slice, whose overlap has it as a whole. */
function nameAt(bytes: Buffer, from: number, { beginnings, maxBytes }: Needle): string | undefined {
  const name = bytes.subarray(from, from + maxBytes);
  if (!beginnings.some((beginning) => name.subarray(0, beginning.length).equals(beginning))) return undefined;
  const length = name.indexOf(0);
  return length === -1 ? undefined : name.toString("utf8", 0, length);
}

function tooMany(): Unreadable {
  return new Unreadable(`it has more than ${MAX_FOUND} symbols of a kind, or ${MAX_FOUND_BYTES} bytes of their names`);
}
