import type { Dynamic } from "../elf/dynamic.ts";
import { FieldReader } from "../elf/fields.ts";
import { type ElfImage, PT_LOAD, readAddress } from "../elf/image.ts";
import { findRelativeWords, findSymbolWords } from "../elf/relocations.ts";
import { Unreadable } from "../file-bytes.ts";
import type { LinkSymbols } from "./link-symbols.ts";

const MAX_PATH_BYTES = 4096;
/** How much data is searched in total where relocations have no addends: a plugin of 50 MB has some 10 MiB. */
const MAX_DATA_BYTES = 64 * 1024 * 1024;
/** The same number may be in other places by chance. */
const MAX_CANDIDATES = 64;

interface PluginPath {
  readonly path: string;
  /** The address of the path in the runtime's description of the plugin. */
  readonly describedAt: number;
}

/**
 * The path under which Go's plugin package registers a plugin, with which the names of its symbols begin.
 *
 * It is nowhere by name, but the runtime's description of a plugin (`runtime.moduledata`) has it: a string (address,
 * length) just before the slice (address, length, capacity) of package hashes, since Go 1.8. An entry of that slice
 * is five words: the package's name and the hash at link time, strings both, and the address of the hash at run time.
 * The last is for the loader to fill in from the symbols `pkghash.…`, which is how to find the slice.
 *
 * @returns undefined when nothing refers to those symbols, so that it is no plugin
 * @throws Unreadable when they are referred to in an unknown way
 */
export async function readPluginPath(
  image: ElfImage,
  dynamic: Dynamic,
  { hashes, runtimeHashes }: LinkSymbols,
): Promise<PluginPath | undefined> {
  const word = image.format.wordBytes;
  const count = hashes.size;
  const slots = await findSymbolWords(image, dynamic, runtimeHashes, count + 1);
  if (slots.length === 0) return undefined;
  slots.sort((one, other) => one - other);
  const [first = 0] = slots;
  if (slots.length !== count || slots.some((slot, index) => slot !== first + index * 5 * word)) throw unknownLayout();

  for (const slice of await pointersTo(image, dynamic, first - 4 * word)) {
    const start = slice - 2 * word;
    const [, length = 0, , hashCount, hashCapacity] = await readWords(image, start, 5);
    if (hashCount !== count || hashCapacity !== count || length === 0 || length > MAX_PATH_BYTES) continue;
    const path = (await readAddress(image, await pointerAt(image, dynamic, start), length)).toString("utf8");
    return { path, describedAt: start };
  }
  throw unknownLayout();
}

/** Addresses of the words that will hold `target` once the file is loaded. */
async function pointersTo(image: ElfImage, dynamic: Dynamic, target: number): Promise<number[]> {
  const words = await findRelativeWords(image, dynamic, { target }, MAX_CANDIDATES);
  return words.length > 0 ? words.map(({ address }) => address) : await pointersInData(image, target);
}

/** The same on 32-bit CPUs: the target is at the address itself. Segments may overlap, so their total is bounded. */
async function pointersInData({ file, format, segments }: ElfImage, target: number): Promise<number[]> {
  const { wordBytes } = format;
  const found = new Set<number>();
  let left = MAX_DATA_BYTES;
  for (const { type, writable, offset, address, fileBytes } of segments) {
    if (type !== PT_LOAD || !writable) continue;
    const skipped = (wordBytes - (address % wordBytes)) % wordBytes;
    const length = Math.max(0, Math.min(fileBytes - skipped, left));
    left -= length;
    for await (const { at, bytes } of file.slices(offset + skipped, length - (length % wordBytes), {
      step: wordBytes,
    })) {
      const words = new FieldReader(bytes, format);
      for (let word = 0; word < words.length; word += wordBytes) {
        if (words.word(word) === target) found.add(address + skipped + at + word);
        if (found.size === MAX_CANDIDATES) return [...found];
      }
    }
  }
  return [...found];
}

async function readWords(image: ElfImage, address: number, count: number): Promise<number[]> {
  const { wordBytes } = image.format;
  const fields = new FieldReader(await readAddress(image, address, count * wordBytes), image.format);
  return Array.from({ length: count }, (_, index) => fields.word(index * wordBytes));
}

/** The address that the word at `address` will hold once the file is loaded. */
async function pointerAt(image: ElfImage, dynamic: Dynamic, address: number): Promise<number> {
  const [word] = await findRelativeWords(image, dynamic, { address }, 1);
  if (word !== undefined) return word.target;
  const [inPlace = 0] = await readWords(image, address, 1);
  return inPlace;
}

function unknownLayout(): Unreadable {
  return new Unreadable("its table of packages is laid out in an unknown way");
}
