import { Unreadable } from "../pace.ts";
import { DT, type Dynamic } from "./dynamic.ts";
import { Fields } from "./fields.ts";
import { type ElfImage, fileOffset } from "./image.ts";

const CHAIN_END = 1;
const U32 = 4;

/**
 * How many symbols the dynamic symbol table has. Nothing says so but the tables for looking them up by hash.
 *
 * @throws Unreadable when there are more than `max`
 */
export async function countSymbols(image: ElfImage, { get }: Dynamic, max: number): Promise<number> {
  const plain = get(DT.HASH);
  const gnu = get(DT.GNU_HASH);
  let count = 0;
  if (plain !== undefined) {
    // `nchain`, the second number, has an entry for each symbol.
    count = new Fields(await image.file.read(fileOffset(image, plain, 2 * U32), 2 * U32), image.format).u32(U32);
  } else if (gnu !== undefined) {
    count = await countByGnuHash(image, gnu, max);
  }
  if (count > max) throw new Unreadable(`it has more than ${max} symbols`);
  return count;
}

/** Buckets have the first symbol of their chain, and chains lie one after the other: the last chain's end is the end. */
async function countByGnuHash(image: ElfImage, address: number, max: number): Promise<number> {
  const { file, format } = image;
  const headerAt = fileOffset(image, address, 4 * U32);
  const header = new Fields(await file.read(headerAt, 4 * U32), format);
  const bucketCount = header.u32(0);
  const firstSymbol = header.u32(U32);
  const bloomWords = header.u32(2 * U32);
  if (bucketCount > max || bloomWords > max) throw new Unreadable(`it has more than ${max} symbols`);

  const bucketsAt = headerAt + 4 * U32 + bloomWords * format.wordBytes;
  let last = 0;
  for await (const { bytes } of file.slices(bucketsAt, bucketCount * U32, { step: U32 })) {
    const buckets = new Fields(bytes, format);
    for (let at = 0; at < buckets.length; at += U32) last = Math.max(last, buckets.u32(at));
  }
  if (last < firstSymbol) return firstSymbol;

  const chainsAt = bucketsAt + bucketCount * U32;
  for (; last <= max; last += 1) {
    const chain = new Fields(await file.read(chainsAt + (last - firstSymbol) * U32, U32), format);
    if ((chain.u32(0) & CHAIN_END) !== 0) return last + 1;
  }
  throw new Unreadable(`it has more than ${max} symbols`);
}

const MASK = 0xffff;

/** Says of most numbers that they are not in a set, ten times as fast as the set. For going through large tables. */
export class NumberFilter {
  readonly #seen = new Uint8Array(MASK + 1);

  constructor(numbers: Iterable<number>) {
    for (const number of numbers) this.#seen[number & MASK] = 1;
  }

  /** false is certain. */
  mayHave(number: number): boolean {
    return this.#seen[number & MASK] === 1;
  }
}
