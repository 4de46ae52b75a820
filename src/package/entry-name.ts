import { decodeUtf8 } from "../lib/text.ts";
import { fromRawBytes, hasRawBytes } from "./raw-path.ts";
import { refuseIf } from "./refusal.ts";
import { unicodePathOf } from "./unicode-path.ts";
import { FLAG, type ZipEntry } from "./zip-entry.ts";

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

/** Makers whose old tools separate folders by backslashes: MS-DOS (FAT), NTFS and VFAT. */
const BACKSLASH_MAKERS: readonly number[] = [0, 10, 14];

/**
 * Decodes the entries' names and checks that each is a plain relative path. Backslashes of old Windows tools become
 * slashes, as most readers take them, unless some entry has both: then nobody knows what they are.
 *
 * @returns the paths, in the order of the entries
 * @throws PluginError ARCHIVE_INVALID
 */
export function readEntryNames(entries: readonly ZipEntry[]): EntryPath[] {
  const names = entries.map(decodedName);
  const isMixed = names.some((name) => name.includes("/") && hasBackslash(name));
  return entries.map((entry, index) => {
    const name = names[index] ?? "";
    const areSeparators = !isMixed && BACKSLASH_MAKERS.includes(entry.maker);
    return checkedPath(entry, areSeparators ? name.replace(BACKSLASH, "/") : name);
  });
}

function checkedPath(entry: ZipEntry, name: string): EntryPath {
  const refuse = (condition: boolean, reason: string) => refuseIf(condition, entry, reason);
  refuse(name === "", "it has no name");
  refuse(/\p{Cc}/u.test(name), "its name has control characters");
  refuse(
    hasBackslash(name),
    "its name has a backslash; pack it with a tool that writes / between folders, such as zip or 7z",
  );
  refuse(name.startsWith("/"), "its path is absolute");
  refuse(byteLength(name) > MAX_PATH_BYTES, `its path is longer than ${MAX_PATH_BYTES} bytes`);
  const isFolder = name.endsWith("/");
  refuse(!isFolder && /(^|\/)\.$/.test(name), "its path ends in a dot, so it would be a folder");
  const segments = (isFolder ? name.slice(0, -1) : name).split("/").filter((segment) => segment !== ".");
  refuse(segments.length > MAX_DEPTH, `its path has more than ${MAX_DEPTH} parts`);
  for (const segment of segments) {
    if (!segment.startsWith(".") && segment !== "" && segment.length * 3 <= MAX_SEGMENT_BYTES) continue; // most are
    refuse(segment === "..", "its path leads out of the folder (..)");
    refuse(segment === "", "its path has an empty segment");
    const isTooLong = byteLength(segment) > MAX_SEGMENT_BYTES;
    refuse(isTooLong, `a part of its path is longer than ${MAX_SEGMENT_BYTES} bytes`);
  }
  const path = segments.join("/");
  refuse(/^[A-Za-z]:/.test(path), "its path begins with a drive letter");
  return { path, isFolder };
}

/** Half a character of Shift-JIS or GBK can be a backslash's byte: behind a byte that is not ASCII it is taken for one. */
const BACKSLASH = /(?<!\p{Cs})\\/gu;

function hasBackslash(name: string): boolean {
  return name.search(BACKSLASH) !== -1;
}

function byteLength(name: string): number {
  return hasRawBytes(name) ? name.length : Buffer.byteLength(name);
}

/** Where nothing says the encoding of a name, it is not guessed: see raw-path.ts. */
function decodedName(entry: ZipEntry): string {
  const { rawName, flags } = entry;
  // Before it is decoded, too: some code pages have pictures for these bytes.
  const hasControls = rawName.some((byte) => byte < 0x20 || byte === 0x7f);
  refuseIf(hasControls, entry, "its name has control characters");
  const plain = decodeUtf8(rawName); // what most tools write, with or without the flag
  const isSaidUtf8 = (flags & FLAG.utf8) !== 0;
  refuseIf(isSaidUtf8 && plain === undefined, entry, "its name is not valid UTF-8");
  const unicode = unicodePathOf(entry);
  refuseIf(isSaidUtf8 && unicode !== undefined && unicode !== plain, entry, "it has two different names");
  return unicode ?? plain ?? fromRawBytes(rawName);
}
