import { Unreadable } from "../pace.ts";
import { DT, type Dynamic } from "./dynamic.ts";
import { Fields } from "./fields.ts";
import { type ElfImage, fileOffset } from "./image.ts";
import { NumberFilter } from "./symbol-count.ts";

/** A plugin of 50 MB has some 10 MiB. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Addresses of the words that the loader fills in with the address of one of `symbols`, given by their indices; those
 * of calls are not among them. At most `max`.
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
    // Linkers put words that get an address of the file itself first, and say how many there are.
    const passed = Math.min(length, relative * entryBytes);
    for await (const { bytes } of image.file.slices(start + passed, length - passed, { step: entryBytes })) {
      const fields = new Fields(bytes, image.format);
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
export interface RelativeWord {
  readonly address: number;
  readonly target: number;
}

/**
 * The words with a `target` or at an `address`, at most `max`. On CPUs of 32 bits none is found: there the target is
 * at the address itself.
 *
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
      const fields = new Fields(bytes, image.format);
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

interface Table {
  /** Position in the file. */
  readonly start: number;
  readonly length: number;
  readonly entryBytes: number;
  /** How many entries, at its beginning, are of words that get an address of the file itself; 0 when it does not say. */
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
