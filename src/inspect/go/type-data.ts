import type { Dynamic } from "../elf/dynamic.ts";
import { FieldReader } from "../elf/fields.ts";
import { type ElfImage, readAddress } from "../elf/image.ts";
import { readPointer } from "../elf/pointers.ts";
import { Unreadable } from "../file-bytes.ts";

/** Go's numbers of the kinds of type that matter here, and the flags of a type; see `abi.Type` in Go's internal/abi. */
export const KIND = { func: 19, interface: 20, pointer: 22 } as const;
const KIND_MASK = 0x1f;
const HAS_UNCOMMON = 1;
const HAS_EXTRA_STAR = 2;

const UNCOMMON_BYTES = 16;
const UNCOMMON_METHOD_BYTES = 16;
const INTERFACE_METHOD_BYTES = 8;

/** Methods of one type; a large one has some hundreds. */
const MAX_METHODS = 4096;
const MAX_NAME_BYTES = 4096;

/** How a name is written: after a byte of flags its length, since Go 1.17 as a varint, before in two bytes. */
export type NameFormat = "varint" | "u16";

/** The versions of Go whose layout of types was tried: `go1.<minor>`. */
const KNOWN_MINORS = { from: 13, to: 27 } as const;
const FIRST_WITH_VARINTS = 17;
const FIRST_WITH_PATHS_IN_HASHES = 19;

/** @returns undefined for a version whose layout is not known */
export function nameFormatOf(goVersion: string): NameFormat | undefined {
  const minor = minorOf(goVersion);
  if (!(minor >= KNOWN_MINORS.from && minor <= KNOWN_MINORS.to)) return undefined;
  return minor >= FIRST_WITH_VARINTS ? "varint" : "u16";
}

/** Go before 1.19 hashes a type's text alone, in which a package has only its last name. */
export function hashesWholePaths(goVersion: string): boolean {
  return minorOf(goVersion) >= FIRST_WITH_PATHS_IN_HASHES;
}

/** 19 of `go1.19.8`; not a number where there is none. */
function minorOf(goVersion: string): number {
  return Number(/^go1\.(\d{1,4})(?!\d)/.exec(goVersion)?.[1] ?? Number.NaN);
}

/**
 * A type as Go itself tells types apart: its text, which names packages by their last part only, and a hash over the
 * text with whole import paths (see `hashesWholePaths`). Both are the same in all files that one version of Go built.
 */
export interface GoType {
  readonly address: number;
  readonly kind: number;
  /** Such as `func() api.Source`. */
  readonly text: string;
  readonly hash: number;
  readonly hasUncommon: boolean;
}

/** What a function takes and returns. */
interface Signature {
  /** How many parameters. */
  readonly takes: number;
  readonly results: number;
  /** Where the address of the first result's type is. */
  readonly resultAt: number | undefined;
}

/** Reads the descriptions of types in a Go file. Offsets of names and types are counted from `base`. */
export class TypeData {
  readonly #image: ElfImage;
  readonly #dynamic: Dynamic | undefined;
  readonly #base: number;
  readonly #nameFormat: NameFormat;

  constructor(image: ElfImage, dynamic: Dynamic | undefined, base: number, nameFormat: NameFormat) {
    this.#image = image;
    this.#dynamic = dynamic;
    this.#base = base;
    this.#nameFormat = nameFormat;
  }

  /** @throws Unreadable */
  async nameAt(offset: number): Promise<string> {
    return await this.name(this.#base + offset);
  }

  /** The type at an offset. @throws Unreadable */
  async typeAt(offset: number): Promise<GoType> {
    return await this.type(this.#base + offset);
  }

  /** The type at an address. @throws Unreadable */
  async type(address: number): Promise<GoType> {
    const word = this.#image.format.wordBytes;
    const fields = await this.#fields(address, this.#headerBytes);
    const flags = fields.u8(2 * word + 4);
    const text = await this.nameAt(fields.u32(4 * word + 8));
    return {
      address,
      kind: fields.u8(2 * word + 7) & KIND_MASK,
      text: (flags & HAS_EXTRA_STAR) !== 0 ? text.slice(1) : text,
      hash: fields.u32(2 * word),
      hasUncommon: (flags & HAS_UNCOMMON) !== 0,
    };
  }

  /** @throws Unreadable */
  async signature({ address, hasUncommon }: GoType): Promise<Signature> {
    const word = this.#image.format.wordBytes;
    const start = address + this.#headerBytes;
    const counts = await this.#fields(start, 4);
    const takes = counts.u16(0);
    const results = counts.u16(2) & 0x7fff; // the highest bit: the last parameter is variadic
    const types = start + Math.ceil(4 / word) * word + (hasUncommon ? UNCOMMON_BYTES : 0);
    return { takes, results, resultAt: results === 0 ? undefined : types + takes * word };
  }

  /** The import path of the package that an interface is from. @throws Unreadable */
  async packageOfInterface(type: GoType): Promise<string> {
    return await this.name(await readPointer(this.#image, this.#dynamic, this.packageAt(type)));
  }

  /** Where an interface has the address of that path. */
  packageAt({ address }: GoType): number {
    return address + this.#headerBytes;
  }

  /** The methods that an interface asks for. @throws Unreadable */
  async methodsOfInterface({ address }: GoType): Promise<Map<string, GoType>> {
    const word = this.#image.format.wordBytes;
    const slice = address + this.#headerBytes + word;
    const count = (await this.#fields(slice + word, word)).word(0);
    if (count === 0) return new Map();
    checkCount(count);
    const table = await readPointer(this.#image, this.#dynamic, slice);
    return await this.#methods(table, count, INTERFACE_METHOD_BYTES);
  }

  /** The exported methods that a value has by way of a pointer to it. @throws Unreadable */
  async methodsOfPointer({ address, hasUncommon }: GoType): Promise<Map<string, GoType>> {
    if (!hasUncommon) return new Map();
    const uncommon = address + this.#headerBytes + this.#image.format.wordBytes;
    const fields = await this.#fields(uncommon, UNCOMMON_BYTES);
    const exported = fields.u16(6); // sorted by name, so those in upper case come first
    checkCount(exported);
    return await this.#methods(uncommon + fields.u32(8), exported, UNCOMMON_METHOD_BYTES);
  }

  /** Both tables begin their entries with the offsets of a name and of a type. */
  async #methods(table: number, count: number, entryBytes: number): Promise<Map<string, GoType>> {
    const fields = await this.#fields(table, count * entryBytes);
    const methods = new Map<string, GoType>();
    for (let at = 0; at < count * entryBytes; at += entryBytes) {
      methods.set(await this.nameAt(fields.u32(at)), await this.typeAt(fields.u32(at + 4)));
    }
    return methods;
  }

  /** The name at an address. @throws Unreadable */
  async name(address: number): Promise<string> {
    const head = await this.#fields(address, 3);
    const short = head.u8(1);
    const isVarint = this.#nameFormat === "varint";
    const length = isVarint ? (short < 0x80 ? short : (short & 0x7f) + head.u8(2) * 0x80) : short * 0x100 + head.u8(2);
    const start = address + (isVarint && short < 0x80 ? 2 : 3);
    if (length === 0 || length > MAX_NAME_BYTES) throw new Unreadable(`a name of its types has ${length} bytes`);
    return (await readAddress(this.#image, start, length)).toString("utf8");
  }

  async #fields(address: number, length: number): Promise<FieldReader> {
    return new FieldReader(await readAddress(this.#image, address, length), this.#image.format);
  }

  /** Of `abi.Type`. */
  get #headerBytes(): number {
    return 4 * this.#image.format.wordBytes + 16;
  }
}

function checkCount(count: number): void {
  if (count > MAX_METHODS) throw new Unreadable(`one of its types has more than ${MAX_METHODS} methods`);
}

/** Whether two types, also of two files, are the same one. */
export function isSameType(one: GoType, other: GoType): boolean {
  return one.kind === other.kind && one.hash === other.hash && one.text === other.text;
}
