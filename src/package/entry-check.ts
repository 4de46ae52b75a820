import type { Config } from "../config/schema.ts";
import type { EntryPath } from "./entry-name.ts";
import type { ZipEntry } from "./zip-entry.ts";

/** Bits of an entry's flags. */
const ENCRYPTED = 0x1;
const LEVEL = 0x6;
const SIZES_FOLLOW_DATA = 0x8;
const PATCH = 0x20;
const STRONGLY_ENCRYPTED = 0x40;
const MASKED = 0x2000;

const STORED = 0;
const DEFLATED = 8;

/** File types in the upper half of the external attributes, as Unix tools write them. */
const TYPE_MASK = 0o170000;
const FOLDER = 0o040000;
const REGULAR = 0o100000;
const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [0o120000, "a symbolic link"],
  [0o020000, "a character device"],
  [0o060000, "a block device"],
  [0o010000, "a named pipe"],
  [0o140000, "a socket"],
]);

/** Below this size, however well it is packed, an entry can do no harm. */
const RATIO_FREE_BYTES = 1024 * 1024;

/**
 * Why an entry must not be unpacked, as the end of a sentence that begins with its name; undefined where nothing
 * speaks against it. Only headers are looked at: that the data agrees is checked while it is unpacked.
 */
export function entryObjection(entry: ZipEntry, path: EntryPath, limits: Config["pluginPackage"]): string | undefined {
  return (
    typeObjection(entry, path) ??
    encodingObjection(entry) ??
    sizeObjection(entry, path, limits) ??
    localObjection(entry)
  );
}

/** Whether the zip says that the file is a program. Other mode bits, setuid above all, are never honoured. */
export function isExecutable(entry: ZipEntry): boolean {
  return ((entry.externalAttributes >>> 16) & 0o111) !== 0;
}

function typeObjection({ externalAttributes }: ZipEntry, { isFolder }: EntryPath): string | undefined {
  const type = (externalAttributes >>> 16) & TYPE_MASK;
  if (type === 0 || type === REGULAR) return undefined;
  if (type === FOLDER) return isFolder ? undefined : "it is a folder, but its name does not end in a slash";
  return `it is ${OTHER_TYPES.get(type) ?? "neither a file nor a folder"}`;
}

function encodingObjection({ flags, method }: ZipEntry): string | undefined {
  if ((flags & (ENCRYPTED | STRONGLY_ENCRYPTED | MASKED)) !== 0) return "it is encrypted";
  if ((flags & PATCH) !== 0) return "it is a patch of another file";
  if (method !== STORED && method !== DEFLATED) {
    return `it is packed with the unknown method ${method}; use deflate or store`;
  }
  return undefined;
}

function sizeObjection(entry: ZipEntry, { isFolder }: EntryPath, limits: Config["pluginPackage"]): string | undefined {
  const { compressedSize, uncompressedSize, method } = entry;
  if (isFolder && uncompressedSize > 0) return "it is a folder with content";
  if (method === STORED && compressedSize !== uncompressedSize) return "it is stored, but its two sizes differ";
  if (uncompressedSize > limits.maxEntryBytes) {
    return `it has ${uncompressedSize} bytes, allowed are ${limits.maxEntryBytes} (pluginPackage.maxEntryBytes)`;
  }
  if (uncompressedSize > RATIO_FREE_BYTES && uncompressedSize > compressedSize * limits.maxRatio) {
    return `it would grow more than ${limits.maxRatio} times when unpacked (pluginPackage.maxRatio)`;
  }
  return undefined;
}

/** Readers differ in which of the two headers they believe, so the two must say the same. */
function localObjection(entry: ZipEntry): string | undefined {
  const { local } = entry;
  if (!local.hasSameName) return "its local header has another name";
  if (local.method !== entry.method) return "its local header has another packing method";
  if (((local.flags ^ entry.flags) & ~LEVEL) !== 0) return "its local header has other flags";
  const { sizes } = local;
  if (sizes === undefined) return "its local header has a broken extra field";
  const sizesMayBeAbsent = (local.flags & SIZES_FOLLOW_DATA) !== 0;
  const agrees = (here: number, there: number) => here === there || (sizesMayBeAbsent && here === 0);
  if (!agrees(sizes.compressed, entry.compressedSize) || !agrees(sizes.uncompressed, entry.uncompressedSize)) {
    return "its local header has other sizes";
  }
  return agrees(local.crc32, entry.crc32) ? undefined : "its local header has another checksum";
}
