import { Unreadable } from "../file-bytes.ts";
import { DT, type Dynamic } from "./dynamic.ts";
import { FieldReader, NumberFilter } from "./fields.ts";
import { type ElfImage, fileOffset } from "./image.ts";

/** A plugin of 50 MB has some 10 MiB. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Addresses of the words that the loader fills in with the address of one of `symbols`, without those for calls.
 *
 * @param symbols their indices
 * @param max how many addresses at most
 *
 * @throws Unreadable
 */
export async function findSymbolWords(
  image: ElfImage,
  dynamic: Dynamic,
  symbols: ReadonlySet<number>,
  max: number,
): Promise<number[]> {
  const { wordBytes, littleEndian } = image.format;
  const isWide = wordBytes === 8;
  // The upper half of the second field in a 64-bit file, its upper 24 bits in a 32-bit one.
  const symbolAt = isWide ? (littleEndian ? 12 : 8) : 4;
  const filter = new NumberFilter(symbols);
  const found: number[] = [];
  for (const { start, length, entryBytes, relative } of relocationTables(image, dynamic)) {
    // Linkers put the words that get an address of the file itself first, and count them.
    const skipped = Math.min(length, relative * entryBytes);
    for await (const { bytes } of image.file.slices(start + skipped, length - skipped, { step: entryBytes })) {
      const fields = new FieldReader(bytes, image.format);
      for (let at = 0; at < fields.length; at += entryBytes) {
        const symbol = isWide ? fields.u32(at + symbolAt) : fields.u32(at + symbolAt) >>> 8;
        if (!filter.mayHave(symbol) || !symbols.has(symbol)) continue;
        found.push(fields.word(at));
        if (found.length === max) return found;
      }
    }
  }
  return found;
}

/** A word that the loader fills in with an address of the file itself. */
interface RelativeWord {
  readonly address: number;
  readonly target: number;
}

/**
 * The words with a `target` or at an `address`; none on 32-bit CPUs, where the target is at the address itself.
 *
 * @param max how many at most
 * @throws Unreadable
 */
export async function findRelativeWords(
  image: ElfImage,
  dynamic: Dynamic,
  { address, target }: Partial<RelativeWord>,
  max: number,
): Promise<RelativeWord[]> {
  const { wordBytes, littleEndian } = image.format;
  const found: RelativeWord[] = [];
  for (const { start, length, entryBytes, relative } of relocationTables(image, dynamic)) {
    if (entryBytes !== 3 * wordBytes) continue;
    const searched = relative === 0 ? length : Math.min(length, relative * entryBytes);
    for await (const { bytes } of image.file.slices(start, searched, { step: entryBytes })) {
      const fields = new FieldReader(bytes, image.format);
      for (let at = 0; at < fields.length; at += entryBytes) {
        if (target !== undefined && fields.word(at + 2 * wordBytes) !== target) continue;
        if (address !== undefined && fields.word(at) !== address) continue;
        if (fields.u32(at + (littleEndian ? 12 : 8)) !== 0) continue;
        found.push({ address: fields.word(at), target: fields.word(at + 2 * wordBytes) });
        if (found.length === max) return found;
      }
    }
  }
  return found;
}

/** A word that the loader fills in with the address of a symbol. */
interface SymbolWord {
  readonly address: number;
  /** Index of the symbol. */
  readonly symbol: number;
  /** What is added to the symbol's address; 0 where it is in the word itself. */
  readonly addend: number;
}

/**
 * Those of the words at `addresses` that get the address of a symbol. Reads the whole table, once for all of them.
 *
 * @throws Unreadable
 */
export async function symbolWordsAt(
  image: ElfImage,
  dynamic: Dynamic,
  addresses: ReadonlySet<number>,
): Promise<SymbolWord[]> {
  const { wordBytes, littleEndian } = image.format;
  const isWide = wordBytes === 8;
  const symbolAt = isWide ? (littleEndian ? 12 : 8) : 4;
  const filter = new NumberFilter(addresses);
  const found = new Map<number, SymbolWord>();
  for (const { start, length, entryBytes, relative } of relocationTables(image, dynamic)) {
    const skipped = Math.min(length, relative * entryBytes);
    for await (const { bytes } of image.file.slices(start + skipped, length - skipped, { step: entryBytes })) {
      const fields = new FieldReader(bytes, image.format);
      for (let at = 0; at < fields.length; at += entryBytes) {
        const address = fields.word(at);
        if (!filter.mayHave(address) || !addresses.has(address)) continue;
        const symbol = isWide ? fields.u32(at + symbolAt) : fields.u32(at + symbolAt) >>> 8;
        const addend = entryBytes === 3 * wordBytes ? fields.word(at + 2 * wordBytes) : 0;
        if (symbol !== 0) found.set(address, { address, symbol, addend });
      }
    }
  }
  return [...found.values()];
}

interface Table {
  /** Position in the file. */
  readonly start: number;
  readonly length: number;
  readonly entryBytes: number;
  /** How many entries at its beginning are for words that get an address of the file itself; 0 when unknown. */
  readonly relative: number;
}

function relocationTables(image: ElfImage, { get }: Dynamic): Table[] {
  const { wordBytes } = image.format;
  const kinds = [
    { address: get(DT.RELA), size: get(DT.RELASZ), entryBytes: 3 * wordBytes, relative: get(DT.RELACOUNT) },
    { address: get(DT.REL), size: get(DT.RELSZ), entryBytes: 2 * wordBytes, relative: get(DT.RELCOUNT) },
  ];
  return kinds.flatMap(({ address, size, entryBytes, relative = 0 }) => {
    if (address === undefined || size === undefined) return [];
    if (size > MAX_BYTES) throw new Unreadable(`it has more than ${MAX_BYTES} bytes of relocations`);
    const length = size - (size % entryBytes);
    return [{ start: fileOffset(image, address, length), length, entryBytes, relative }];
  });
}
