import { crc32 } from "node:zlib";
import { getFileNameLowLevel } from "yauzl";
import { printable } from "../lib/text.ts";
import type { ZipEntry } from "./zip-entry.ts";

const UTF8_FLAG = 0x800;
/** Half of what Linux takes for a whole path: the folder of the change comes before it. */
const MAX_PATH_BYTES = 2048;
const MAX_DEPTH = 64;
const MAX_SEGMENT_BYTES = 255;

/** An entry's path, with forward slashes and never leading out of the folder that it is unpacked into. */
export interface EntryPath {
  readonly path: string;
  readonly isFolder: boolean;
}

/** Why a name is refused, as the end of a sentence that begins with the name. */
export class NameRefused extends Error {}

/**
 * Decodes an entry's name and checks that it is a plain relative path.
 *
 * @throws NameRefused
 */
export function readEntryName(entry: ZipEntry): EntryPath {
  // Looked at before it is decoded: CP437 has pictures for these bytes.
  refuse(
    entry.rawName.some((byte) => byte < 0x20 || byte === 0x7f),
    "its name has control characters",
  );
  const text = decode(entry);
  refuse(text === "", "it has no name");
  refuse(/\p{Cc}/u.test(text), "its name has control characters");
  refuse(text.includes("\\"), "its name has a backslash");
  refuse(text.startsWith("/"), "its path is absolute");
  refuse(/^[A-Za-z]:/.test(text), "its path begins with a drive letter");
  refuse(Buffer.byteLength(text) > MAX_PATH_BYTES, `its path is longer than ${MAX_PATH_BYTES} bytes`);
  const isFolder = text.endsWith("/");
  const path = isFolder ? text.slice(0, -1) : text;
  const segments = path.split("/");
  refuse(segments.length > MAX_DEPTH, `its path has more than ${MAX_DEPTH} parts`);
  for (const segment of segments) {
    refuse(segment === "..", "its path leads out of the folder (..)");
    refuse(segment === "" || segment === ".", "its path has an empty segment or one that is a dot");
    refuse(
      Buffer.byteLength(segment) > MAX_SEGMENT_BYTES,
      `a part of its path is longer than ${MAX_SEGMENT_BYTES} bytes`,
    );
  }
  return { path, isFolder };
}

/** The name for a message, whatever is wrong with it. */
export function shownName(rawName: Buffer): string {
  const text = printable(rawName.toString("utf8"));
  return `"${text.length > 120 ? `${text.slice(0, 120)}…` : text}"`;
}

function decode(entry: ZipEntry): string {
  const plain = decodeRaw(entry);
  const unicode = unicodePath(entry);
  if (unicode === undefined || unicode === plain) return plain;
  // Where the plain name is not ASCII, this field exists to say what it can't. Else the two are a trap for readers.
  refuse(/^[\x20-\x7e]*$/.test(plain), "it has two different names");
  return unicode;
}

function decodeRaw({ rawName, flags }: ZipEntry): string {
  const utf8 = decodeUtf8(rawName);
  if (utf8 !== undefined) return utf8; // what most tools write, with or without the flag
  refuse((flags & UTF8_FLAG) !== 0, "its name is not valid UTF-8");
  return getFileNameLowLevel(flags, rawName, [], true); // CP437, as the format says
}

/** The field: a version (1 byte), the CRC of the name that it replaces (4 bytes), the name. */
function unicodePath({ unicodePath: data, rawName }: ZipEntry): string | undefined {
  if (data === undefined || data.length < 5 || data[0] !== 1) return undefined;
  if (data.readUInt32LE(1) !== crc32(rawName)) return undefined;
  const name = decodeUtf8(data.subarray(5));
  refuse(name === undefined, "its name is not valid UTF-8");
  return name;
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function refuse(condition: boolean, reason: string): void {
  if (condition) throw new NameRefused(reason);
}
