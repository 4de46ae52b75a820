import { crc32 } from "node:zlib";
import { getFileNameLowLevel } from "yauzl";
import { refuseIf } from "./refusal.ts";
import type { ZipEntry } from "./zip-entry.ts";

const UTF8_FLAG = 0x800;
/** Half of what Linux allows for a whole path: the folder that it is unpacked into comes before it. */
const MAX_PATH_BYTES = 2048;
const MAX_DEPTH = 64;
const MAX_SEGMENT_BYTES = 255;

/** An entry's path, with forward slashes and never leading out of the folder that it is unpacked into. */
export interface EntryPath {
  /** Without segments that are a dot; empty for the folder itself (`./`, as tar writes it). */
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
  refuse(Buffer.byteLength(name) > MAX_PATH_BYTES, `its path is longer than ${MAX_PATH_BYTES} bytes`);
  const isFolder = name.endsWith("/");
  refuse(!isFolder && /(^|\/)\.$/.test(name), "its path ends in a dot, so it would be a folder");
  const segments = (isFolder ? name.slice(0, -1) : name).split("/").filter((segment) => segment !== ".");
  refuse(segments.length > MAX_DEPTH, `its path has more than ${MAX_DEPTH} parts`);
  for (const segment of segments) {
    if (!segment.startsWith(".") && segment !== "" && segment.length * 3 <= MAX_SEGMENT_BYTES) continue; // most are
    refuse(segment === "..", "its path leads out of the folder (..)");
    refuse(segment === "", "its path has an empty segment");
    const isTooLong = Buffer.byteLength(segment) > MAX_SEGMENT_BYTES;
    refuse(isTooLong, `a part of its path is longer than ${MAX_SEGMENT_BYTES} bytes`);
  }
  const path = segments.join("/");
  refuse(/^[A-Za-z]:/.test(path), "its path begins with a drive letter");
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
