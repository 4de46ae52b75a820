import type { Config } from "../config/schema.ts";
import type { EntryPath } from "./entry-name.ts";
import { refusedEntry, refuseIf } from "./refusal.ts";
import { FLAG, type ZipEntry } from "./zip-entry.ts";

const FLAGS_WITH_MEANING = Object.values(FLAG).reduce((all, flag) => all | flag, 0);

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
  refuseIf((flags & (FLAG.encrypted | FLAG.stronglyEncrypted | FLAG.masked)) !== 0, entry, "it is encrypted");
  refuseIf((flags & FLAG.patch) !== 0, entry, "it is a patch of another file");
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

/** Those in which a difference of the two headers would give two readings: the others say nothing of the content. */
function flagsThatCount({ rawName, local }: ZipEntry): number {
  const isAscii = rawName.every((byte) => byte < 0x80);
  const hasDescriptor = local.descriptorBytes > 0;
  return FLAGS_WITH_MEANING & ~(isAscii ? FLAG.utf8 : 0) & ~(hasDescriptor ? FLAG.sizesFollowData : 0);
}

/** Readers differ in which of the two headers they believe, so the two must say the same. */
function checkLocalHeader(entry: ZipEntry): void {
  const { local } = entry;
  refuseIf(!local.hasSameName, entry, "its local header has another name");
  refuseIf(local.method !== entry.method, entry, "its local header has another packing method");
  refuseIf(((local.flags ^ entry.flags) & flagsThatCount(entry)) !== 0, entry, "its local header has other flags");
  if (local.sizes === undefined) throw refusedEntry(entry, "its local header has a broken extra field");
  const sizesMayBeAbsent = (local.flags & FLAG.sizesFollowData) !== 0;
  const agrees = (here: number, there: number) => here === there || (sizesMayBeAbsent && here === 0);
  const sizesAgree =
    agrees(local.sizes.compressed, entry.compressedSize) && agrees(local.sizes.uncompressed, entry.uncompressedSize);
  refuseIf(!sizesAgree, entry, "its local header has other sizes");
  refuseIf(!agrees(local.crc32, entry.crc32), entry, "its local header has another checksum");
}
