import { crc32, deflateRawSync } from "node:zlib";
import {
  bytes,
  DOS_FOLDER,
  FILE_TYPE,
  FLAG,
  HOST,
  IN_ZIP64,
  METHOD,
  record,
  uint16,
  uint32,
  uint64,
  zip64Extra,
} from "./zip-fields.ts";

/**
 * A zip writer that does as it is told: every field of every record can be made to lie. What is not asked for is
 * correct and the same on every run (the dates are fixed). Field names follow PKWARE's APPNOTE.
 */

/** What the local header and the central record of an entry both say. */
export interface HeaderFields {
  readonly versionNeeded: number;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
  readonly name: string | Buffer;
  readonly extra: Buffer;
}

/** What one record says otherwise. `nameLength` is the length that it claims for the name. */
export type HeaderLies = Partial<HeaderFields> & { readonly nameLength?: number };

export interface ZipEntry {
  /** A Buffer is written as it is; a string as UTF-8, with the UTF-8 flag where it needs one. */
  readonly name: string | Buffer;
  /** The content: the CRC and the uncompressed size are this one's. */
  readonly data?: string | Buffer;
  /** The bytes in the zip, in place of `data` packed by `method`. */
  readonly packed?: Buffer;
  /** Default: deflated, or stored when there is no data. A method unknown to this writer leaves the data as it is. */
  readonly method?: number;
  /** Added to the flags that the entry needs. */
  readonly flags?: number;
  /** Unix mode with the kind of file. Default: 0644, or 0755 for a folder. */
  readonly mode?: number;
  /** Default: Unix. */
  readonly host?: number;
  /** Default: `mode`, and the MS-DOS attribute of a folder. */
  readonly externalAttributes?: number;
  /** These are said by both records, so that only the data shows the lie. */
  readonly crc32?: number;
  readonly compressedSize?: number;
  readonly uncompressedSize?: number;
  readonly extra?: Buffer;
  /** What just one of the two records says otherwise. */
  readonly central?: HeaderLies;
  readonly local?: HeaderLies;
  /** CRC and sizes follow the data (bit 3) and are 0 in the local header. `unsigned`: without the signature. */
  readonly dataDescriptor?: "signed" | "unsigned";
  /** Sizes (in the central record also the offset) are in a zip64 extra field. `local`: in the local header's alone. */
  readonly zip64?: "both" | "local";
  /** Where the central record says that the local header is. */
  readonly offset?: number | OffsetOf;
  /** Default 0. */
  readonly disk?: number;
  /** No local header and no data are written: `offset` leads to another's. */
  readonly centralOnly?: boolean;
}

/** Offsets from the first byte of the archive. */
export interface ZipLayout {
  /** One for each entry. */
  readonly localHeaders: readonly number[];
  readonly centralDirectory: number;
}

export type OffsetOf = (layout: ZipLayout) => number;

export interface EndFields {
  readonly disk: number;
  readonly centralDisk: number;
  readonly entriesOnDisk: number | bigint;
  readonly entries: number | bigint;
  readonly centralSize: number | bigint;
  readonly centralOffset: number | bigint;
}

export interface ZipOptions {
  readonly comment?: string | Buffer;
  /** What the end record says otherwise. */
  readonly end?: Partial<EndFields> & { readonly commentLength?: number };
  /**
   * Adds zip64's end record and its locator, and leaves the values to them; given fields are what it says otherwise.
   * `plainEndToo`: the plain end record keeps its values.
   */
  readonly zip64End?: Partial<EndFields> & { readonly recordOffset?: number | bigint; readonly plainEndToo?: boolean };
  /** Bytes before the first entry, such as a self-extractor's program. */
  readonly prefix?: string | Buffer;
  /** Default true: the offsets in the zip begin at the prefix, as after `zip -A`. */
  readonly offsetsCountPrefix?: boolean;
  /** Bytes after the end record. */
  readonly suffix?: string | Buffer;
  /** Only the first bytes of it all, or with a negative number all but the last. */
  readonly truncateTo?: number;
}

export function buildZip(entries: readonly ZipEntry[], options: ZipOptions = {}): Buffer {
  const prefix = bytes(options.prefix);
  const shift = options.offsetsCountPrefix === false ? prefix.length : 0;

  const described = entries.map(describe);
  const files = described.map((file) => (file.entry.centralOnly ? Buffer.alloc(0) : localFile(file)));
  const localHeaders: number[] = [];
  let position = prefix.length - shift;
  for (const file of files) {
    localHeaders.push(position);
    position += file.length;
  }
  const layout: ZipLayout = { localHeaders, centralDirectory: position };

  const central = Buffer.concat(described.map((file, index) => centralRecord(file, offsetOf(file, index, layout))));
  const end = endRecords(entries.length, central.length, layout.centralDirectory, options);
  const whole = Buffer.concat([prefix, ...files, central, end, bytes(options.suffix)]);
  return options.truncateTo === undefined ? whole : whole.subarray(0, options.truncateTo);
}

/** The local header of an entry, to be placed somewhere by hand. */
export function localHeader(entry: ZipEntry): Buffer {
  return localRecord(describe(entry));
}

/** The bytes of an end record, to be placed somewhere by hand. */
export function endRecord(fields: EndFields, commentLength = 0): Buffer {
  return record("PK\x05\x06", [
    uint16(fields.disk),
    uint16(fields.centralDisk),
    uint16(fields.entriesOnDisk),
    uint16(fields.entries),
    uint32(fields.centralSize),
    uint32(fields.centralOffset),
    uint16(commentLength),
  ]);
}

const DOS_TIME = (12 << 11) | (34 << 5);
const DOS_DATE = ((2020 - 1980) << 9) | (11 << 5) | 11;

/** An entry with what both of its records say when neither is made to lie. */
interface DescribedEntry {
  readonly entry: ZipEntry;
  readonly fields: HeaderFields;
  readonly packed: Buffer;
}

function describe(entry: ZipEntry): DescribedEntry {
  const data = bytes(entry.data);
  const method = entry.method ?? (data.length === 0 ? METHOD.stored : METHOD.deflated);
  const packed = entry.packed ?? (method === METHOD.deflated ? deflateRawSync(data) : data);
  const name = bytes(entry.name);
  const needsUtf8 = typeof entry.name === "string" && name.length !== entry.name.length;
  const fields: HeaderFields = {
    versionNeeded: entry.zip64 ? 45 : 20,
    flags: (entry.flags ?? 0) | (needsUtf8 ? FLAG.utf8 : 0) | (entry.dataDescriptor ? FLAG.dataDescriptor : 0),
    method,
    crc32: entry.crc32 ?? crc32(data),
    compressedSize: entry.compressedSize ?? packed.length,
    uncompressedSize: entry.uncompressedSize ?? data.length,
    name,
    extra: entry.extra ?? Buffer.alloc(0),
  };
  return { entry, fields, packed };
}

function localFile(file: DescribedEntry): Buffer {
  return Buffer.concat([localRecord(file), file.packed, dataDescriptor(file)]);
}

function localRecord({ entry, fields }: DescribedEntry): Buffer {
  const known = entry.dataDescriptor ? { ...fields, crc32: 0, compressedSize: 0, uncompressedSize: 0 } : fields;
  const said: HeaderLies & HeaderFields = { ...known, ...(entry.zip64 ? zip64Sizes(known) : {}), ...entry.local };
  return record("PK\x03\x04", commonFields(said), [bytes(said.name), said.extra]);
}

function dataDescriptor({ entry, fields }: DescribedEntry): Buffer {
  if (entry.dataDescriptor === undefined) return Buffer.alloc(0);
  const size = entry.zip64 ? uint64 : uint32;
  return record(entry.dataDescriptor === "signed" ? "PK\x07\x08" : "", [
    uint32(fields.crc32),
    size(fields.compressedSize),
    size(fields.uncompressedSize),
  ]);
}

function zip64Sizes(fields: HeaderFields, offset?: number): Partial<HeaderFields> {
  const sizes = [fields.uncompressedSize, fields.compressedSize];
  const wide = zip64Extra(...sizes, ...(offset === undefined ? [] : [offset]));
  return { compressedSize: IN_ZIP64, uncompressedSize: IN_ZIP64, extra: Buffer.concat([wide, fields.extra]) };
}

function offsetOf({ entry }: DescribedEntry, index: number, layout: ZipLayout): number {
  if (typeof entry.offset === "function") return entry.offset(layout);
  return entry.offset ?? layout.localHeaders[index] ?? 0;
}

function centralRecord({ entry, fields }: DescribedEntry, offset: number): Buffer {
  const wide = entry.zip64 === "both" ? zip64Sizes(fields, offset) : {};
  const said: HeaderLies & HeaderFields = { ...fields, ...wide, ...entry.central };
  const host = entry.host ?? HOST.unix;
  return record(
    "PK\x01\x02",
    [
      uint16((host << 8) | said.versionNeeded),
      ...commonFields(said),
      uint16(0), // length of the entry's comment
      uint16(entry.disk ?? 0),
      uint16(0), // internal attributes
      uint32(entry.externalAttributes ?? attributes(entry)),
      uint32(entry.zip64 === "both" ? IN_ZIP64 : offset),
    ],
    [bytes(said.name), said.extra],
  );
}

function attributes(entry: ZipEntry): number {
  const isFolder = bytes(entry.name).at(-1) === "/".charCodeAt(0);
  const mode = entry.mode ?? (isFolder ? FILE_TYPE.folder | 0o755 : FILE_TYPE.regular | 0o644);
  return mode * 0x10000 + (isFolder ? DOS_FOLDER : 0);
}

/** From "version needed" to "extra field length": the same in both records. */
function commonFields(fields: HeaderFields & HeaderLies): Buffer[] {
  return [
    uint16(fields.versionNeeded),
    uint16(fields.flags),
    uint16(fields.method),
    uint16(DOS_TIME),
    uint16(DOS_DATE),
    uint32(fields.crc32),
    uint32(fields.compressedSize),
    uint32(fields.uncompressedSize),
    uint16(fields.nameLength ?? bytes(fields.name).length),
    uint16(fields.extra.length),
  ];
}

function endRecords(count: number, centralSize: number, centralOffset: number, options: ZipOptions): Buffer {
  const truth: EndFields = {
    disk: 0,
    centralDisk: 0,
    entriesOnDisk: count,
    entries: count,
    centralSize,
    centralOffset,
  };
  const comment = bytes(options.comment);
  const left: Partial<EndFields> =
    options.zip64End === undefined || options.zip64End.plainEndToo
      ? {}
      : { entriesOnDisk: 0xffff, entries: 0xffff, centralSize: IN_ZIP64, centralOffset: IN_ZIP64 };
  const plain = endRecord({ ...truth, ...left, ...options.end }, options.end?.commentLength ?? comment.length);
  const wide = options.zip64End ? zip64EndRecords(truth, options.zip64End) : Buffer.alloc(0);
  return Buffer.concat([wide, plain, comment]);
}

function zip64EndRecords(truth: EndFields, said: NonNullable<ZipOptions["zip64End"]>): Buffer {
  const fields = { ...truth, ...said };
  const end = record("PK\x06\x06", [
    uint64(44), // length of what follows
    uint16((HOST.unix << 8) | 45),
    uint16(45),
    uint32(fields.disk),
    uint32(fields.centralDisk),
    uint64(fields.entriesOnDisk),
    uint64(fields.entries),
    uint64(fields.centralSize),
    uint64(fields.centralOffset),
  ]);
  const truePlace = Number(truth.centralOffset) + Number(truth.centralSize);
  const locator = record("PK\x06\x07", [uint32(0), uint64(said.recordOffset ?? truePlace), uint32(1)]);
  return Buffer.concat([end, locator]);
}
