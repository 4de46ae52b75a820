import type { FileHandle } from "node:fs/promises";
import { readBytes } from "./end-records.ts";

const SIGNATURE = 0x08074b50;

/** What the descriptor of an entry has to say. */
interface DescribedData {
  readonly crc32: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
}

/**
 * How many bytes the data descriptor of an entry has: with or without a signature, its sizes in 4 or 8 bytes each. A
 * reader that follows the local header needs one that agrees with the central record.
 *
 * @returns 0 where there is none that agrees
 */
export async function measureDescriptor(file: FileHandle, entry: DescribedData, dataStart: number): Promise<number> {
  const start = dataStart + entry.compressedSize;
  const bytes = await readBytes(file, start, start + 24);
  const variants = [
    descriptor(entry, { isSigned: true, isWide: false }),
    descriptor(entry, { isSigned: true, isWide: true }),
    descriptor(entry, { isSigned: false, isWide: false }),
    descriptor(entry, { isSigned: false, isWide: true }),
  ];
  const found = variants.find((variant) => bytes.subarray(0, variant.length).equals(variant));
  return found?.length ?? 0;
}

function descriptor(
  { crc32, compressedSize, uncompressedSize }: DescribedData,
  { isSigned, isWide }: { readonly isSigned: boolean; readonly isWide: boolean },
): Buffer {
  const sizes = [compressedSize, uncompressedSize];
  const words = [...(isSigned ? [SIGNATURE] : []), crc32, ...(isWide ? sizes.flatMap(halves) : sizes)];
  const bytes = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word % 2 ** 32, index * 4);
  return bytes;
}

function halves(size: number): number[] {
  return [size % 2 ** 32, Math.floor(size / 2 ** 32)];
}
