import { type LocalFileHeader, parseExtraFields } from "yauzl";

/** Bits of an entry's flags (PKWARE's APPNOTE, 4.4.4). */
export const FLAG = {
  encrypted: 0x1,
  sizesFollowData: 0x8,
  patch: 0x20,
  stronglyEncrypted: 0x40,
  utf8: 0x800,
  masked: 0x2000,
} as const;

/** One entry of a zip, as its central record and its local header describe it: nothing of it has been checked. */
export interface ZipEntry {
  readonly rawName: Buffer;
  /** The data of Info-ZIP's extra field Unicode Path, which some readers prefer to the name. */
  readonly unicodePath: Buffer | undefined;
  /** The system whose attributes the entry has: who made it. */
  readonly maker: number;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
  readonly externalAttributes: number;
  /** Where the local header begins, and where the data behind it does; in bytes from the beginning of the file. */
  readonly headerStart: number;
  readonly dataStart: number;
  readonly local: LocalFacts;
}

/** What an entry's local header says. No bytes of it are kept: ten thousand headers can have a gigabyte. */
interface LocalFacts {
  readonly hasSameName: boolean;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  /** With the zip64 field taken into account; undefined where its extra fields are broken. */
  readonly sizes: { readonly compressed: number; readonly uncompressed: number } | undefined;
  /** Bytes of the data descriptor; read where this header alone announces one, else 0. */
  readonly descriptorBytes: number;
}

export interface ZipArchive {
  readonly entries: readonly ZipEntry[];
  /** Where the central directory begins: no data may reach it. */
  readonly directoryStart: number;
}

const ZIP64_FIELD = 0x0001;
/** A size has this where the zip64 field has the value. */
const IN_ZIP64 = 0xffffffff;

/** Takes from a local header what has to be compared with the central record, and nothing that takes memory. */
export function localFacts(local: LocalFileHeader, centralName: Buffer, descriptorBytes: number): LocalFacts {
  return {
    hasSameName: local.fileName.equals(centralName),
    flags: local.generalPurposeBitFlag,
    method: local.compressionMethod,
    crc32: local.crc32,
    sizes: sizesOf(local),
    descriptorBytes,
  };
}

function sizesOf(local: LocalFileHeader): LocalFacts["sizes"] {
  let zip64: Buffer | undefined;
  try {
    zip64 = parseExtraFields(local.extraField).find((field) => field.id === ZIP64_FIELD)?.data;
  } catch {
    return undefined;
  }
  let position = 0;
  const wide = (size: number) => {
    if (size !== IN_ZIP64 || zip64 === undefined || zip64.length < position + 8) return size;
    position += 8;
    return Number(zip64.readBigUInt64LE(position - 8));
  };
  const uncompressed = wide(local.uncompressedSize);
  const compressed = wide(local.compressedSize);
  return { compressed, uncompressed };
}
