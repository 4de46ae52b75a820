import { Unreadable } from "../pace.ts";
import { Fields } from "./fields.ts";
import { type ElfImage, fileOffset, PT_DYNAMIC, readAddress } from "./image.ts";

/** Tags of the dynamic section that are of use here. */
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

/** What a file tells the dynamic loader. */
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
  const fields = new Fields(await image.file.read(segment.offset, count * entryBytes), image.format);
  const values = new Map<number, number[]>();
  for (let at = 0; at < fields.length; at += entryBytes) {
    const tag = fields.word(at);
    if (tag === 0) break;
    const value = fields.word(at + wordBytes);
    const earlier = values.get(tag);
    if (earlier === undefined) values.set(tag, [value]);
    else earlier.push(value);
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

/** A name of the table of names. @throws Unreadable */
export async function readName(image: ElfImage, dynamic: Pick<Dynamic, "get">, offset: number): Promise<string> {
  const { address, size } = nameTable(dynamic);
  if (offset >= size) throw new Unreadable("a name is outside of its table of names");
  const length = Math.min(size - offset, MAX_NAME_BYTES);
  const bytes = await image.file.read(fileOffset(image, address + offset, length), length);
  const end = bytes.indexOf(0);
  if (end === -1) throw new Unreadable(`a name is longer than ${MAX_NAME_BYTES} bytes`);
  return bytes.toString("utf8", 0, end);
}

/** @throws Unreadable without one */
export function nameTable({ get }: Pick<Dynamic, "get">): { address: number; size: number } {
  const address = get(DT.STRTAB);
  const size = get(DT.STRSZ);
  if (address === undefined || size === undefined) throw new Unreadable("it has no table of names");
  return { address, size };
}

/** glibc itself defines some forty versions. */
const MAX_VERSIONS = 4096;

/** The loader only warns where such a version is missing. */
const VER_FLG_WEAK = 2;

/** Sizes and positions of the records; they are the same in 32-bit and 64-bit files. */
const NEED = { tag: DT.VERNEED, count: DT.VERNEEDNUM, bytes: 16, names: 2, aux: 8, next: 12 } as const;
const NEED_NAME = { bytes: 16, flags: 4, name: 8, next: 12 } as const;
const DEFINED = { tag: DT.VERDEF, count: DT.VERDEFNUM, bytes: 20, names: 6, aux: 12, next: 16 } as const;
const DEFINED_NAME = { bytes: 8, flags: undefined, name: 0, next: 4 } as const;

/** The versions of symbols that a file asks its libraries for, such as `GLIBC_2.34`. @throws Unreadable */
export async function wantedVersions(image: ElfImage, dynamic: Dynamic): Promise<string[]> {
  return await readVersions(image, dynamic, NEED, NEED_NAME);
}

/** The versions of symbols that a library has. @throws Unreadable */
export async function definedVersions(image: ElfImage, dynamic: Dynamic): Promise<string[]> {
  return await readVersions(image, dynamic, DEFINED, DEFINED_NAME);
}

/** The newest of the versions of glibc among them, such as `2.34`; `""` when there is none. */
export function newestGlibc(versions: readonly string[]): string {
  let newest = "";
  for (const version of versions) {
    const number = /^GLIBC_(\d{1,4}(?:\.\d{1,6}){1,3})$/.exec(version)?.[1];
    if (number !== undefined && (newest === "" || compareVersions(number, newest) > 0)) newest = number;
  }
  return newest;
}

/** Orders `2.9` before `2.34`, `2.34` before `2.34.1`. */
export function compareVersions(one: string, other: string): number {
  const left = one.split(".").map(Number);
  const right = other.split(".").map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

async function readVersions(
  image: ElfImage,
  dynamic: Dynamic,
  record: typeof NEED | typeof DEFINED,
  nameRecord: typeof NEED_NAME | typeof DEFINED_NAME,
): Promise<string[]> {
  const versions: string[] = [];
  let address = dynamic.get(record.tag);
  const count = dynamic.get(record.count) ?? 0;
  if (count > MAX_VERSIONS) throw new Unreadable(`it has more than ${MAX_VERSIONS} versions of symbols`);
  for (let index = 0; index < count && address !== undefined; index += 1) {
    const fields = new Fields(await readAddress(image, address, record.bytes), image.format);
    let nameAddress = address + fields.u32(record.aux);
    for (let left = fields.u16(record.names); left > 0; left -= 1) {
      if (versions.length >= MAX_VERSIONS) throw new Unreadable(`it has more than ${MAX_VERSIONS} versions of symbols`);
      const entry = new Fields(await readAddress(image, nameAddress, nameRecord.bytes), image.format);
      const isWeak = nameRecord.flags !== undefined && (entry.u16(nameRecord.flags) & VER_FLG_WEAK) !== 0;
      if (!isWeak) versions.push(await readName(image, dynamic, entry.u32(nameRecord.name)));
      const next = entry.u32(nameRecord.next);
      if (next === 0) break;
      nameAddress += next;
    }
    const next = fields.u32(record.next);
    address = next === 0 ? undefined : address + next;
  }
  return versions;
}
