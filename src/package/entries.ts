import { crc32 } from "node:zlib";
import { getFileNameLowLevel } from "yauzl";
import type { Config } from "../config/schema.ts";
import { refusedEntry, refuseIf } from "./refusal.ts";
import type { ZipEntry } from "./zip-entry.ts";

const UTF8_FLAG = 0x800;
/** Half of what Linux allows for a whole path: the folder that it is unpacked into comes before it. */
const MAX_PATH_BYTES = 2048;
const MAX_DEPTH = 64;
const MAX_SEGMENT_BYTES = 255;

/** An entry's path, with forward slashes and never leading out of the folder that it is unpacked into. */
export interface EntryPath {
  readonly path: string;
  readonly isFolder: boolean;
}

/**
 * Decodes an entry's name and checks that it is a plain relative path.
 *
 * @throws PluginError ARCHIVE_INVALID
 */
export function readEntryName(entry: ZipEntry): EntryPath {
  const refuse = (condition: boolean, reason: string) => refuseIf(condition, entry, reason);
  // Before it is decoded, too: CP437 has pictures for these bytes.
  const hasControls = entry.rawName.some((byte) => byte < 0x20 || byte === 0x7f);
  refuse(hasControls, "its name has control characters");
  const name = decodedName(entry);
  refuse(name === "", "it has no name");
  refuse(/\p{Cc}/u.test(name), "its name has control characters");
  refuse(name.includes("\\"), "its name has a backslash");
  refuse(name.startsWith("/"), "its path is absolute");
  refuse(/^[A-Za-z]:/.test(name), "its path begins with a drive letter");
  refuse(Buffer.byteLength(name) > MAX_PATH_BYTES, `its path is longer than ${MAX_PATH_BYTES} bytes`);
  const isFolder = name.endsWith("/");
  const path = isFolder ? name.slice(0, -1) : name;
  const segments = path.split("/");
  refuse(segments.length > MAX_DEPTH, `its path has more than ${MAX_DEPTH} parts`);
  for (const segment of segments) {
    if (!segment.startsWith(".") && segment !== "" && segment.length * 3 <= MAX_SEGMENT_BYTES) continue; // most are
    refuse(segment === "..", "its path leads out of the folder (..)");
    refuse(segment === "" || segment === ".", "its path has an empty segment or one that is a dot");
    const isTooLong = Buffer.byteLength(segment) > MAX_SEGMENT_BYTES;
    refuse(isTooLong, `a part of its path is longer than ${MAX_SEGMENT_BYTES} bytes`);
  }
  return { path, isFolder };
}

function decodedName(entry: ZipEntry): string {
  const plain = plainName(entry);
  const unicode = unicodeName(entry);
  if (unicode === undefined || unicode === plain) return plain;
  // The field exists for plain names that are not ASCII. Beside one that is, it would mislead some readers.
  refuseIf(/^[\x20-\x7e]*$/.test(plain), entry, "it has two different names");
  return unicode;
}

function plainName(entry: ZipEntry): string {
  const { rawName, flags } = entry;
  const utf8 = decodeUtf8(rawName);
  if (utf8 !== undefined) return utf8; // what most tools write, with or without the flag
  refuseIf((flags & UTF8_FLAG) !== 0, entry, "its name is not valid UTF-8");
  return getFileNameLowLevel(flags, rawName, [], true); // CP437, as the format says
}

/** The Unicode Path field: a version (1 byte), the CRC of the name that it replaces (4 bytes), the name. */
function unicodeName(entry: ZipEntry): string | undefined {
  const { unicodePath: data, rawName } = entry;
  if (data === undefined || data.length < 5 || data[0] !== 1) return undefined;
  if (data.readUInt32LE(1) !== crc32(rawName)) return undefined;
  const name = decodeUtf8(data.subarray(5));
  refuseIf(name === undefined, entry, "its name is not valid UTF-8");
  return name;
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

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

/** Up to this size an entry can do no harm, however well it is packed. */
const RATIO_FREE_BYTES = 1024 * 1024;

/**
 * Checks the headers of an entry. That the data agrees with them is checked while it is unpacked.
 *
 * @throws PluginError ARCHIVE_INVALID
 */
export function checkEntry(entry: ZipEntry, path: EntryPath, limits: Config["pluginPackage"]): void {
  checkType(entry, path);
  checkEncoding(entry);
  checkSizes(entry, path, limits);
  checkLocalHeader(entry);
}

/** Whether the zip says that the file is a program. Other mode bits, setuid above all, are never honoured. */
export function isExecutable(entry: ZipEntry): boolean {
  return ((entry.externalAttributes >>> 16) & 0o111) !== 0;
}

function checkType(entry: ZipEntry, { isFolder }: EntryPath): void {
  const type = (entry.externalAttributes >>> 16) & TYPE_MASK;
  if (type === 0 || type === REGULAR || (type === FOLDER && isFolder)) return;
  refuseIf(type === FOLDER, entry, "it is a folder, but its name does not end in a slash");
  throw refusedEntry(entry, `it is ${OTHER_TYPES.get(type) ?? "neither a file nor a folder"}`);
}

function checkEncoding(entry: ZipEntry): void {
  const { flags, method } = entry;
  refuseIf((flags & (ENCRYPTED | STRONGLY_ENCRYPTED | MASKED)) !== 0, entry, "it is encrypted");
  refuseIf((flags & PATCH) !== 0, entry, "it is a patch of another file");
  const isKnown = method === STORED || method === DEFLATED;
  refuseIf(!isKnown, entry, `it is packed with the unknown method ${method}; use deflate or store`);
}

function checkSizes(
  entry: ZipEntry,
  { isFolder }: EntryPath,
  { maxEntryBytes, maxRatio }: Config["pluginPackage"],
): void {
  const { compressedSize, uncompressedSize: bytes, method } = entry;
  refuseIf(isFolder && bytes > 0, entry, "it is a folder with content");
  refuseIf(method === STORED && compressedSize !== bytes, entry, "it is stored, but its two sizes differ");
  const tooLarge = `it has ${bytes} bytes, allowed are ${maxEntryBytes} (pluginPackage.maxEntryBytes)`;
  refuseIf(bytes > maxEntryBytes, entry, tooLarge);
  const tooDense = `it would grow more than ${maxRatio} times when unpacked (pluginPackage.maxRatio)`;
  refuseIf(bytes > RATIO_FREE_BYTES && bytes > compressedSize * maxRatio, entry, tooDense);
}

/** Readers differ in which of the two headers they believe, so the two must say the same. */
function checkLocalHeader(entry: ZipEntry): void {
  const { local } = entry;
  refuseIf(!local.hasSameName, entry, "its local header has another name");
  refuseIf(local.method !== entry.method, entry, "its local header has another packing method");
  refuseIf(((local.flags ^ entry.flags) & ~LEVEL) !== 0, entry, "its local header has other flags");
  if (local.sizes === undefined) throw refusedEntry(entry, "its local header has a broken extra field");
  const sizesMayBeAbsent = (local.flags & SIZES_FOLLOW_DATA) !== 0;
  const agrees = (here: number, there: number) => here === there || (sizesMayBeAbsent && here === 0);
  const sizesAgree =
    agrees(local.sizes.compressed, entry.compressedSize) && agrees(local.sizes.uncompressed, entry.uncompressedSize);
  refuseIf(!sizesAgree, entry, "its local header has other sizes");
  refuseIf(!agrees(local.crc32, entry.crc32), entry, "its local header has another checksum");
}
