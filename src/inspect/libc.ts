import { DF_1_PIE, DT, type Dynamic, readName } from "./elf/dynamic.ts";
import { FieldReader } from "./elf/fields.ts";
import { type ElfImage, ET_EXEC, readAddress } from "./elf/image.ts";
import { Unreadable } from "./file-bytes.ts";

/** The C library that a file is linked to: `none` for a library without one, `static` for a program without one. */
export type Libc = "glibc" | "musl" | "none" | "static";

/**
 * The C library by the names of the libraries that the file needs; by the versions of symbols where it needs glibc by
 * way of another one of glibc's libraries.
 */
export function libcOf(image: ElfImage, dynamic: Dynamic | undefined, versions: readonly string[]): Libc {
  const needed = dynamic?.needed ?? [];
  if (needed.some((name) => /^libc\.so\.6/.test(name)) || newestGlibc(versions) !== "") return "glibc";
  // Alpine's name of musl, and its own; Android's has that too, but no Kuiper.
  if (needed.some((name) => /^libc\.musl-|^ld-musl-|^libc\.so$/.test(name))) return "musl";
  return isProgram(image, dynamic) && needed.length === 0 ? "static" : "none";
}

/** Whether it is to be started rather than loaded: position-independent programs have the type of libraries. */
export function isProgram(image: ElfImage, dynamic: Dynamic | undefined): boolean {
  return image.type === ET_EXEC || ((dynamic?.get(DT.FLAGS_1) ?? 0) & DF_1_PIE) !== 0;
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

/** glibc itself defines some forty versions. */
const MAX_VERSIONS = 4096;

/** The loader only warns where such a version is missing. */
const VER_FLG_WEAK = 2;

/** Sizes and positions of the records; they are the same in 32-bit and 64-bit files. */
const NEEDED = { tag: DT.VERNEED, count: DT.VERNEEDNUM, bytes: 16, names: 2, aux: 8, next: 12 } as const;
const NEEDED_NAME = { bytes: 16, flags: 4, name: 8, next: 12 } as const;
const DEFINED = { tag: DT.VERDEF, count: DT.VERDEFNUM, bytes: 20, names: 6, aux: 12, next: 16 } as const;
const DEFINED_NAME = { bytes: 8, flags: undefined, name: 0, next: 4 } as const;

/** The versions of symbols that a file needs of its libraries, such as `GLIBC_2.34`. @throws Unreadable */
export async function neededVersions(image: ElfImage, dynamic: Dynamic): Promise<string[]> {
  return await readVersions(image, dynamic, NEEDED, NEEDED_NAME);
}

/** The versions of symbols that a library has. @throws Unreadable */
export async function definedVersions(image: ElfImage, dynamic: Dynamic): Promise<string[]> {
  return await readVersions(image, dynamic, DEFINED, DEFINED_NAME);
}

async function readVersions(
  image: ElfImage,
  dynamic: Dynamic,
  record: typeof NEEDED | typeof DEFINED,
  nameRecord: typeof NEEDED_NAME | typeof DEFINED_NAME,
): Promise<string[]> {
  const versions: string[] = [];
  let address = dynamic.get(record.tag);
  const count = dynamic.get(record.count) ?? 0;
  if (count > MAX_VERSIONS) throw tooManyVersions();
  for (let index = 0; index < count && address !== undefined; index += 1) {
    const fields = new FieldReader(await readAddress(image, address, record.bytes), image.format);
    let nameAddress = address + fields.u32(record.aux);
    for (let left = fields.u16(record.names); left > 0; left -= 1) {
      if (versions.length >= MAX_VERSIONS) throw tooManyVersions();
      const entry = new FieldReader(await readAddress(image, nameAddress, nameRecord.bytes), image.format);
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

function tooManyVersions(): Unreadable {
  return new Unreadable(`it has more than ${MAX_VERSIONS} versions of symbols`);
}
