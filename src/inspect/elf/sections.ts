import { Unreadable } from "../file-bytes.ts";
import { FieldReader } from "./fields.ts";
import type { ElfImage } from "./image.ts";

const MAX_NAMES_BYTES = 1024 * 1024;
const SHF_COMPRESSED = 0x800;

/** A part of the file that a linker named. Sizes in bytes. */
export interface Section {
  readonly name: string;
  readonly isCompressed: boolean;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * The first section of one of `names`, in the order of `names`; undefined also when the file has no section headers.
 *
 * @throws Unreadable
 */
export async function findSection(image: ElfImage, names: readonly string[]): Promise<Section | undefined> {
  const { file, format, sections: table } = image;
  const entryBytes = format.wordBytes === 8 ? 64 : 40;
  if (table.count === 0 || table.namesIndex >= table.count) return undefined;
  if (table.entryBytes !== entryBytes) throw new Unreadable("its section headers have an unknown size");
  // The count has 16 bits, so this is 4 MiB at most.
  const fields = new FieldReader(await file.read(table.offset, table.count * entryBytes), format);
  const at = (index: number) => headerAt(fields, index * entryBytes);
  const namesSection = at(table.namesIndex);
  if (namesSection.size > MAX_NAMES_BYTES) throw new Unreadable("its sections' names are too long");
  const allNames = await file.read(namesSection.offset, namesSection.size);
  const searched = names.map((name) => ({ name, bytes: Buffer.from(`${name}\0`) }));
  const found = new Map<string, Section>();
  for (let index = 0; index < table.count; index += 1) {
    const { nameOffset, ...header } = at(index);
    for (const { name, bytes } of searched) {
      if (found.has(name) || nameOffset + bytes.length > allNames.length) continue;
      if (allNames.compare(bytes, 0, bytes.length, nameOffset, nameOffset + bytes.length) === 0) {
        found.set(name, { name, ...header });
      }
    }
  }
  return names.map((name) => found.get(name)).find((section) => section !== undefined);
}

function headerAt(fields: FieldReader, at: number): Omit<Section, "name"> & { nameOffset: number } {
  const { wordBytes } = fields.format;
  const words = at + 8;
  return {
    nameOffset: fields.u32(at),
    isCompressed: (fields.word(words) & SHF_COMPRESSED) !== 0,
    address: fields.word(words + wordBytes),
    offset: fields.word(words + 2 * wordBytes),
    size: fields.word(words + 3 * wordBytes),
  };
}
