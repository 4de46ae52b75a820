import { type FileBytes, Unreadable } from "../file-bytes.ts";
import { FieldReader, type Format } from "./fields.ts";

/** Numbers and layouts from the System V ABI (gABI 4.1), chapters 4 and 5. */
const MAGIC = Buffer.from("\x7fELF", "latin1");
const IDENT_BYTES = 16;
const CLASS = { 1: 4, 2: 8 } as const;
const LITTLE = 1;
const BIG = 2;
const CURRENT_VERSION = 1;

export const ET_EXEC = 2;
export const ET_DYN = 3;

export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
const PF_W = 2;

/** Positions in the header; five 16-bit fields about tables follow `flags` and the header's own size. */
const LAYOUT_64 = { headerBytes: 64, phoff: 32, shoff: 40, flags: 48 } as const;
const LAYOUT_32 = { headerBytes: 52, phoff: 28, shoff: 32, flags: 36 } as const;

/** Linkers write about ten. */
const MAX_SEGMENTS = 256;

/** A part of the file that the loader maps or reads. Sizes in bytes. */
interface Segment {
  readonly type: number;
  readonly writable: boolean;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
}

/** Where the section headers are; the loader does not need them. */
interface SectionTable {
  readonly offset: number;
  readonly entryBytes: number;
  readonly count: number;
  readonly namesIndex: number;
}

/** An ELF file as the loader sees it, by its program headers: `strip` may have removed all sections. */
export interface ElfImage {
  readonly file: FileBytes;
  readonly format: Format;
  readonly type: number;
  /** Go's name, such as `amd64`, or `e_machine 94 (32-bit, little-endian)` for what Go does not build for. */
  readonly cpu: string;
  readonly segments: readonly Segment[];
  readonly sections: SectionTable;
  /** Whether the file ends before something that has to be loaded. */
  readonly isTruncated: boolean;
}

/**
 * Reads the headers.
 *
 * @returns undefined when it is no ELF file
 * @throws Unreadable
 */
export async function readElf(file: FileBytes): Promise<ElfImage | undefined> {
  if (!file.has(0, IDENT_BYTES)) return undefined;
  const ident = await file.read(0, IDENT_BYTES);
  const format = formatOf(ident);
  if (format === undefined) return undefined;
  const layout = format.wordBytes === 8 ? LAYOUT_64 : LAYOUT_32;
  if (!file.has(0, layout.headerBytes)) return undefined;
  const header = new FieldReader(await file.read(0, layout.headerBytes), format);
  const table = {
    offset: header.word(layout.phoff),
    entryBytes: header.u16(layout.flags + 6),
    count: header.u16(layout.flags + 8),
  };
  const segments = await readSegments(file, format, table);
  const loaded = (segments ?? []).filter(({ type }) => type === PT_LOAD);
  return {
    file,
    format,
    type: header.u16(16),
    cpu: cpuName(header.u16(18), format),
    segments: segments ?? [],
    sections: {
      offset: header.word(layout.shoff),
      entryBytes: header.u16(layout.flags + 10),
      count: header.u16(layout.flags + 12),
      namesIndex: header.u16(layout.flags + 14),
    },
    isTruncated: segments === undefined || loaded.some(({ offset, fileBytes }) => !file.has(offset, fileBytes)),
  };
}

function formatOf(ident: Buffer): Format | undefined {
  if (!ident.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const [fileClass, order, version] = ident.subarray(MAGIC.length);
  if (version !== CURRENT_VERSION || (order !== LITTLE && order !== BIG)) return undefined;
  if (fileClass !== 1 && fileClass !== 2) return undefined;
  return { littleEndian: order === LITTLE, wordBytes: CLASS[fileClass] };
}

/** @returns undefined when the file ends before them */
async function readSegments(
  file: FileBytes,
  format: Format,
  table: Omit<SectionTable, "namesIndex">,
): Promise<Segment[] | undefined> {
  const entryBytes = format.wordBytes === 8 ? 56 : 32;
  if (table.count === 0) return [];
  if (table.entryBytes !== entryBytes) throw new Unreadable("its program headers have an unknown size");
  if (table.count > MAX_SEGMENTS) throw new Unreadable(`it has more than ${MAX_SEGMENTS} program headers`);
  if (!file.has(table.offset, entryBytes * table.count)) return undefined;
  const fields = new FieldReader(await file.read(table.offset, entryBytes * table.count), format);
  return Array.from({ length: table.count }, (_, index) => segmentAt(fields, index * entryBytes));
}

function segmentAt(fields: FieldReader, at: number): Segment {
  const { wordBytes } = fields.format;
  // The flags moved so that the 64-bit fields are aligned.
  const flags = wordBytes === 8 ? 4 : 24;
  const words = at + (wordBytes === 8 ? 8 : 4);
  return {
    type: fields.u32(at),
    writable: (fields.u32(at + flags) & PF_W) !== 0,
    offset: fields.word(words),
    address: fields.word(words + wordBytes),
    fileBytes: fields.word(words + 3 * wordBytes),
  };
}

/**
 * Where in the file the bytes of an address are.
 *
 * @throws Unreadable when no loaded part of the file has all `length` bytes
 */
export function fileOffset({ segments }: ElfImage, address: number, length: number): number {
  for (const { type, address: start, offset, fileBytes } of segments) {
    if (type !== PT_LOAD || address < start) continue;
    if (address - start + length <= fileBytes) return address - start + offset;
  }
  throw new Unreadable(`it has no bytes for the address 0x${address.toString(16)}`);
}

/** The bytes at an address. @throws Unreadable */
export async function readAddress(image: ElfImage, address: number, length: number): Promise<Buffer> {
  return await image.file.read(fileOffset(image, address, length), length);
}

/** Go's names of CPUs by `e_machine`, bits and byte order. */
const GO_ARCH: Readonly<Record<string, string>> = {
  "3/32/LE": "386",
  "8/32/BE": "mips",
  "8/32/LE": "mipsle",
  "8/64/BE": "mips64",
  "8/64/LE": "mips64le",
  "21/64/BE": "ppc64",
  "21/64/LE": "ppc64le",
  "22/64/BE": "s390x",
  "40/32/LE": "arm",
  "62/64/LE": "amd64",
  "183/64/LE": "arm64",
  "243/64/LE": "riscv64",
  "258/64/LE": "loong64",
};

function cpuName(machine: number, { wordBytes, littleEndian }: Format): string {
  const bits = wordBytes * 8;
  const known = GO_ARCH[`${machine}/${bits}/${littleEndian ? "LE" : "BE"}`];
  return known ?? `e_machine ${machine} (${bits}-bit, ${littleEndian ? "little" : "big"}-endian)`;
}
