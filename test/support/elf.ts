/**
 * Writes ELF files as they are needed for tests of what reads them: whatever a file may say can be said, and be a lie.
 * Everything is in one segment, so that addresses are positions plus `BASE`.
 */

export const BASE = 0x10000;

export interface ElfFormat {
  readonly littleEndian: boolean;
  readonly wordBytes: 4 | 8;
  readonly machine: number;
}

export const AMD64: ElfFormat = { littleEndian: true, wordBytes: 8, machine: 62 };
export const ARM: ElfFormat = { littleEndian: true, wordBytes: 4, machine: 40 };
export const S390X: ElfFormat = { littleEndian: false, wordBytes: 8, machine: 22 };

/** A position in the data, as an address. */
export interface ElfSymbol {
  readonly name: string;
  /** Position in `data`; undefined for a symbol that the file wants from others. */
  readonly at?: number;
  readonly size?: number;
}

export interface Relocation {
  /** Position in `data` that is written to. */
  readonly at: number;
  /** Name of the symbol whose address is written; without one, the address of a position in `data`. */
  readonly symbol?: string;
  readonly target?: number;
}

export interface Section {
  readonly name: string;
  readonly content: Buffer;
  readonly flags?: number;
}

export interface ElfContents {
  readonly format?: ElfFormat;
  /** 3 is a shared library, 2 a program. */
  readonly type?: number;
  readonly data?: Buffer;
  readonly symbols?: readonly ElfSymbol[];
  readonly relocations?: readonly Relocation[];
  readonly needed?: readonly string[];
  readonly rpath?: string;
  readonly runpath?: string;
  /** Versions by the library that is to have them. */
  readonly versions?: Readonly<Record<string, readonly string[]>>;
  /** Versions of the file itself. */
  readonly definedVersions?: readonly string[];
  /** `DT_FLAGS_1`. */
  readonly flags1?: number;
  /** Which table says how many symbols there are. */
  readonly hash?: "gnu" | "plain" | "none";
  readonly sections?: readonly Section[];
  /** Without a dynamic section: a static program. */
  readonly isStatic?: boolean;
  /** Values of the dynamic section in place of the right ones, by tag. */
  readonly lies?: Readonly<Record<number, number>>;
}

const HEADER_BYTES = { 4: 52, 8: 64 } as const;
const PROGRAM_HEADER_BYTES = { 4: 32, 8: 56 } as const;
const SECTION_HEADER_BYTES = { 4: 40, 8: 64 } as const;

/** A buffer that grows, with numbers as a format writes them. */
class Writer {
  readonly format: ElfFormat;
  readonly #parts: Buffer[] = [];
  length = 0;

  constructor(format: ElfFormat) {
    this.format = format;
  }

  bytes(bytes: Buffer | string): this {
    const part = Buffer.from(bytes as string);
    this.#parts.push(part);
    this.length += part.length;
    return this;
  }

  u16(...values: number[]): this {
    return this.#numbers(values, 2);
  }

  u32(...values: number[]): this {
    return this.#numbers(values, 4);
  }

  word(...values: number[]): this {
    return this.#numbers(values, this.format.wordBytes);
  }

  align(to: number): this {
    return this.bytes(Buffer.alloc((to - (this.length % to)) % to));
  }

  result(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #numbers(values: readonly number[], size: 2 | 4 | 8): this {
    for (const value of values) {
      const part = Buffer.alloc(size);
      const view = new DataView(part.buffer, part.byteOffset, size);
      const little = this.format.littleEndian;
      if (size === 2) view.setUint16(0, value, little);
      else if (size === 4) view.setUint32(0, value, little);
      else view.setBigUint64(0, BigInt(value), little);
      this.bytes(part);
    }
    return this;
  }
}

/** Names, each once, and where they are. */
class Names {
  readonly #writer: Writer;
  constructor(format: ElfFormat) {
    this.#writer = new Writer(format).bytes("\0");
  }
  add(name: string): number {
    const at = this.#writer.length;
    this.#writer.bytes(`${name}\0`);
    return at;
  }
  get bytes(): Buffer {
    return this.#writer.result();
  }
}

export function buildElf(contents: ElfContents = {}): Buffer {
  const { format = AMD64, type = 3, data = Buffer.alloc(0), isStatic = false, sections = [] } = contents;
  const word = format.wordBytes;
  const programHeaders = isStatic ? 1 : 2;
  const body = new Writer(format);
  body.bytes(Buffer.alloc(HEADER_BYTES[word] + programHeaders * PROGRAM_HEADER_BYTES[word])).align(16);
  const dataAt = body.length;
  body.bytes(withAddends(data, contents, dataAt)).align(8);

  const dynamic = isStatic ? undefined : writeDynamic(body, contents, format, dataAt);
  const loadedBytes = body.length;
  const placed = [...sections, { name: ".shstrtab", content: Buffer.alloc(0) }].map((section) => ({ section, at: 0 }));
  const sectionNames = new Names(format);
  const nameOffsets = placed.map(({ section }) => sectionNames.add(section.name));
  for (const [index, place] of placed.entries()) {
    body.align(8);
    place.at = body.length;
    body.bytes(index === placed.length - 1 ? sectionNames.bytes : place.section.content);
  }
  body.align(8);
  const sectionsAt = body.length;
  body.bytes(Buffer.alloc(SECTION_HEADER_BYTES[word]));
  for (const [index, { section, at }] of placed.entries()) {
    const size = index === placed.length - 1 ? sectionNames.bytes.length : section.content.length;
    body.u32(nameOffsets[index] ?? 0, 1).word(section.flags ?? 0, 0, at, size);
    body.u32(0, 0).word(0, 0);
  }

  const head = new Writer(format);
  head.bytes(Buffer.from([0x7f, 0x45, 0x4c, 0x46, word / 4, format.littleEndian ? 1 : 2, 1]));
  head.bytes(Buffer.alloc(9)).u16(type, format.machine).u32(1);
  head.word(0, HEADER_BYTES[word], sectionsAt).u32(0);
  head.u16(HEADER_BYTES[word], PROGRAM_HEADER_BYTES[word], programHeaders);
  head.u16(SECTION_HEADER_BYTES[word], placed.length + 1, placed.length);
  writeSegment(head, 1, 0, loadedBytes);
  if (dynamic !== undefined) writeSegment(head, 2, dynamic.at, dynamic.bytes);
  const file = body.result();
  head.result().copy(file);
  return file;
}

function writeSegment(head: Writer, type: number, at: number, bytes: number): void {
  const READ_WRITE = 6;
  head.u32(type);
  if (head.format.wordBytes === 8) head.u32(READ_WRITE);
  head.word(at, BASE + at, BASE + at, bytes, bytes);
  if (head.format.wordBytes === 4) head.u32(READ_WRITE);
  head.word(0x1000);
}

/** Whether relocations have their addends in the table, as on CPUs of 64 bits. */
const hasAddends = ({ wordBytes }: ElfFormat) => wordBytes === 8;

function withAddends(data: Buffer, { format = AMD64, relocations = [] }: ElfContents, dataAt: number): Buffer {
  const copy = Buffer.from(data);
  for (const { at, target } of relocations) {
    if (!hasAddends(format) && target !== undefined) {
      new Writer(format)
        .word(BASE + dataAt + target)
        .result()
        .copy(copy, at);
    }
  }
  return copy;
}

function writeDynamic(
  body: Writer,
  contents: ElfContents,
  format: ElfFormat,
  dataAt: number,
): { at: number; bytes: number } {
  const { symbols = [], relocations = [], needed = [], hash = "gnu", lies = {} } = contents;
  const names = new Names(format);
  const entries: [tag: number, value: number][] = needed.map((name) => [1, names.add(name)]);
  if (contents.rpath !== undefined) entries.push([15, names.add(contents.rpath)]);
  if (contents.runpath !== undefined) entries.push([29, names.add(contents.runpath)]);
  if (contents.flags1 !== undefined) entries.push([0x6ffffffb, contents.flags1]);
  const place = (tag: number, write: () => void): number => {
    body.align(8);
    entries.push([tag, BASE + body.length]);
    const start = body.length;
    write();
    return body.length - start;
  };

  const table = [{ name: "" }, ...symbols];
  place(6, () => {
    for (const symbol of table) writeSymbol(body, symbol, names, dataAt);
  });
  if (hash === "plain") place(4, () => body.u32(1, table.length, 0).u32(...table.map(() => 0)));
  if (hash === "gnu") place(0x6ffffef5, () => writeGnuHash(body, table.length));

  const indexOf = (name: string | undefined) => (name === undefined ? 0 : table.findIndex((one) => one.name === name));
  const relocationBytes = place(hasAddends(format) ? 7 : 17, () => {
    for (const { at, symbol, target } of relocations) {
      body.word(BASE + dataAt + at);
      const index = indexOf(symbol);
      if (format.wordBytes === 4) body.u32(((index << 8) | 23) >>> 0);
      else if (format.littleEndian) body.u32(8, index);
      else body.u32(index, 8);
      if (hasAddends(format)) body.word(target === undefined ? 0 : BASE + dataAt + target);
    }
  });
  entries.push([hasAddends(format) ? 8 : 18, relocationBytes]);

  const wanted = Object.entries(contents.versions ?? {});
  if (wanted.length > 0) {
    place(0x6ffffffe, () => writeWanted(body, wanted, names));
    entries.push([0x6fffffff, wanted.length]);
  }
  const defined = contents.definedVersions ?? [];
  if (defined.length > 0) {
    place(0x6ffffffc, () => writeDefined(body, defined, names));
    entries.push([0x6ffffffd, defined.length]);
  }
  entries.push([10, names.bytes.length]);
  place(5, () => body.bytes(names.bytes));

  body.align(8);
  const at = body.length;
  for (const [tag, value] of entries) body.word(tag, lies[tag] ?? value);
  body.word(0, 0);
  return { at, bytes: body.length - at };
}

function writeSymbol(body: Writer, { name, at, size = 8 }: ElfSymbol, names: Names, dataAt: number): void {
  const GLOBAL_OBJECT = 0x11;
  const section = at === undefined ? 0 : 1;
  const address = at === undefined ? 0 : BASE + dataAt + at;
  body.u32(name === "" ? 0 : names.add(name));
  const kind = Buffer.from([GLOBAL_OBJECT, 0]);
  if (body.format.wordBytes === 8)
    body
      .bytes(kind)
      .u16(section)
      .word(address, at === undefined ? 0 : size);
  else
    body
      .word(address, at === undefined ? 0 : size)
      .bytes(kind)
      .u16(section);
}

/** One bucket, whose chain has all symbols. Nobody looks anything up in it. */
function writeGnuHash(body: Writer, count: number): void {
  body
    .u32(1, 1, 1, 0)
    .word(0)
    .u32(count > 1 ? 1 : 0);
  for (let index = 1; index < count; index += 1) body.u32(index === count - 1 ? 1 : 2);
}

function writeWanted(body: Writer, libraries: readonly [string, readonly string[]][], names: Names): void {
  for (const [index, [library, versions]] of libraries.entries()) {
    const next = index === libraries.length - 1 ? 0 : 16 + 16 * versions.length;
    body.u16(1, versions.length).u32(names.add(library), 16, next);
    for (const [position, version] of versions.entries()) {
      body
        .u32(0)
        .u16(0, 2)
        .u32(names.add(version), position === versions.length - 1 ? 0 : 16);
    }
  }
}

function writeDefined(body: Writer, versions: readonly string[], names: Names): void {
  for (const [index, version] of versions.entries()) {
    body.u16(1, 0, index + 1, 1).u32(0, 20, index === versions.length - 1 ? 0 : 28);
    body.u32(names.add(version), 0);
  }
}
