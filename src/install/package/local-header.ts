import { type LocalFileHeader, parseExtraFields } from "yauzl";
import type { LocalFacts } from "./zip-entry.ts";

const ZIP64_FIELD = 0x0001;
/** Stands in a size's place where the zip64 field has the value. */
const ZIP64_MARK = 0xffffffff;

/** Takes from a local header what has to be compared with the central record, and nothing that takes room. */
export function localFacts(local: LocalFileHeader, centralName: Buffer): LocalFacts {
  return {
    hasSameName: local.fileName.equals(centralName),
    flags: local.generalPurposeBitFlag,
    method: local.compressionMethod,
    crc32: local.crc32,
    sizes: sizesOf(local),
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
    if (size !== ZIP64_MARK || zip64 === undefined || zip64.length < position + 8) return size;
    position += 8;
    return Number(zip64.readBigUInt64LE(position - 8));
  };
  const uncompressed = wide(local.uncompressedSize);
  const compressed = wide(local.compressedSize);
  return { compressed, uncompressed };
}
