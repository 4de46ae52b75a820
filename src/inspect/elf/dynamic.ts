import { Unreadable } from "../file-bytes.ts";
import { FieldReader } from "./fields.ts";
import { type ElfImage, fileOffset, PT_DYNAMIC } from "./image.ts";

/** The tags of the dynamic section that are read here. */
export const DT = {
  NEEDED: 1,
  HASH: 4,
  STRTAB: 5,
  SYMTAB: 6,
  RELA: 7,
  RELASZ: 8,
  STRSZ: 10,
  RPATH: 15,
  REL: 17,
  RELSZ: 18,
  RUNPATH: 29,
  GNU_HASH: 0x6ffffef5,
  RELACOUNT: 0x6ffffff9,
  RELCOUNT: 0x6ffffffa,
  FLAGS_1: 0x6ffffffb,
  VERDEF: 0x6ffffffc,
  VERDEFNUM: 0x6ffffffd,
  VERNEED: 0x6ffffffe,
  VERNEEDNUM: 0x6fffffff,
} as const;

/** Bit of `DT_FLAGS_1`: a program, although it is of the type of shared libraries. */
export const DF_1_PIE = 0x08000000;

/** Far above what linkers write: about thirty entries, and a `DT_NEEDED` for each library. */
const MAX_ENTRIES = 4096;
const MAX_LIBRARIES = 200;
const MAX_NAME_BYTES = 4096;

/** The dynamic section: what the dynamic loader needs to know of a file. */
export interface Dynamic {
  /** The value of a tag; the first one where there are several, undefined where there is none. */
  get(tag: number): number | undefined;
  readonly needed: readonly string[];
  /** `DT_RPATH`, `DT_RUNPATH`: folders separated by colons; `""` without one. */
  readonly rpath: string;
  readonly runpath: string;
}

/**
 * Reads the dynamic section.
 *
 * @returns undefined for a static program, which has none
 * @throws Unreadable
 */
export async function readDynamic(image: ElfImage): Promise<Dynamic | undefined> {
  const segment = image.segments.find(({ type }) => type === PT_DYNAMIC);
  if (segment === undefined) return undefined;
  const { wordBytes } = image.format;
  const entryBytes = 2 * wordBytes;
  const count = Math.min(Math.floor(segment.fileBytes / entryBytes), MAX_ENTRIES);
  const fields = new FieldReader(await image.file.read(segment.offset, count * entryBytes), image.format);
  const values = new Map<number, number[]>();
  for (let at = 0; at < fields.length; at += entryBytes) {
    const tag = fields.word(at);
    if (tag === 0) break;
    const value = fields.word(at + wordBytes);
    const previous = values.get(tag);
    if (previous === undefined) values.set(tag, [value]);
    else previous.push(value);
  }
  const get = (tag: number) => values.get(tag)?.[0];
  const nameOf = async (offset: number | undefined) =>
    offset === undefined ? "" : await readName(image, { get }, offset);
  const neededNames = values.get(DT.NEEDED) ?? [];
  if (neededNames.length > MAX_LIBRARIES) throw new Unreadable(`it asks for more than ${MAX_LIBRARIES} libraries`);
  const needed: string[] = [];
  for (const offset of neededNames) needed.push(await nameOf(offset));
  return { get, needed, rpath: await nameOf(get(DT.RPATH)), runpath: await nameOf(get(DT.RUNPATH)) };
}

/** A string of the table of names. @throws Unreadable */
export async function readName(image: ElfImage, dynamic: Pick<Dynamic, "get">, offset: number): Promise<string> {
  const { address, size } = nameTable(dynamic);
  if (offset >= size) throw new Unreadable("a name is outside of its table of names");
  const length = Math.min(size - offset, MAX_NAME_BYTES);
  const bytes = await image.file.read(fileOffset(image, address + offset, length), length);
  const end = bytes.indexOf(0);
  if (end === -1) throw new Unreadable(`a name is longer than ${MAX_NAME_BYTES} bytes`);
  return bytes.toString("utf8", 0, end);
}

/** Where the names of libraries and symbols are (`DT_STRTAB`); size in bytes. @throws Unreadable without one */
export function nameTable({ get }: Pick<Dynamic, "get">): { address: number; size: number } {
  const address = get(DT.STRTAB);
  const size = get(DT.STRSZ);
  if (address === undefined || size === undefined) throw new Unreadable("it has no table of names");
  return { address, size };
}
