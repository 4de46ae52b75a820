import { Unreadable } from "../file-bytes.ts";
import { DT, type Dynamic } from "./dynamic.ts";
import { FieldReader } from "./fields.ts";
import { type ElfImage, fileOffset, readAddress } from "./image.ts";
import { findRelativeWords, symbolWordsAt } from "./relocations.ts";
import { type SymbolTable, symbolAddress } from "./symbols.ts";

/**
 * The address that the word at `address` will hold once the file is loaded. For many of them: linkers sort the words
 * that get an address of the file itself, so that it is found in some twenty small reads. Where there is no such entry,
 * the word itself has the address, as in a program that is not moved and on CPUs of 32 bits.
 *
 * @throws Unreadable, also for a null pointer
 */
export async function readPointer(image: ElfImage, dynamic: Dynamic | undefined, address: number): Promise<number> {
  const { wordBytes } = image.format;
  const relocated = dynamic === undefined ? undefined : await findSorted(image, dynamic, address);
  if (relocated !== undefined) return relocated;
  const inPlace = new FieldReader(await readAddress(image, address, wordBytes), image.format).word(0);
  if (inPlace === 0) throw new Unreadable(`the word at 0x${address.toString(16)} points to nothing`);
  return inPlace;
}

/**
 * The same for words that may get the address of a symbol, as those of a library that point to what it exports.
 *
 * @returns the addresses by those of the words
 * @throws Unreadable
 */
export async function readPointers(
  table: SymbolTable,
  dynamic: Dynamic,
  addresses: Iterable<number>,
): Promise<ReadonlyMap<number, number>> {
  const found = new Map<number, number>();
  const searched = new Set(addresses);
  if (searched.size === 0) return found;
  for (const { address, symbol, addend } of await symbolWordsAt(table.image, dynamic, searched)) {
    found.set(address, (await symbolAddress(table, symbol)) + addend);
  }
  for (const address of searched) {
    if (!found.has(address)) found.set(address, await readPointer(table.image, dynamic, address));
  }
  return found;
}

async function findSorted(image: ElfImage, dynamic: Dynamic, address: number): Promise<number | undefined> {
  const { get } = dynamic;
  const { file, format } = image;
  const entryBytes = 3 * format.wordBytes;
  const [table, size = 0, counted] = [get(DT.RELA), get(DT.RELASZ), get(DT.RELACOUNT)];
  if (table === undefined) return undefined;
  // A linker that does not count them does not sort them either.
  if (counted === undefined) return (await findRelativeWords(image, dynamic, { address }, 1))[0]?.target;
  const count = Math.min(Math.floor(size / entryBytes), counted);
  const start = fileOffset(image, table, count * entryBytes);
  for (let low = 0, high = count - 1; low <= high; ) {
    const middle = Math.floor((low + high) / 2);
    const entry = new FieldReader(await file.read(start + middle * entryBytes, entryBytes), format);
    const at = entry.word(0);
    if (at === address) return entry.word(2 * format.wordBytes);
    if (at < address) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
