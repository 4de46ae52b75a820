import { crc32 } from "node:zlib";
import { decodeUtf8 } from "../lib/text.ts";
import { refuseIf } from "./refusal.ts";
import type { ZipEntry } from "./zip-entry.ts";

/**
 * The name in Info-ZIP's extra field Unicode Path: a version (1 byte), the CRC of the name that it replaces (4 bytes),
 * the name. Undefined where there is none, or where it belongs to another name.
 *
 * @throws PluginError ARCHIVE_INVALID where it is no UTF-8, or no other spelling of the entry's plain name: readers that
 *   don't know the field would see another file
 */
export function unicodePathOf(entry: ZipEntry): string | undefined {
  const { unicodePath: data, rawName } = entry;
  if (data === undefined || data.length < 5 || data[0] !== 1) return undefined;
  if (data.readUInt32LE(1) !== crc32(rawName)) return undefined;
  const name = decodeUtf8(data.subarray(5));
  if (name === undefined) refuseIf(true, entry, "its name is not valid UTF-8");
  else refuseIf(!isSpellingOf(rawName, name), entry, "it has two different names");
  return name;
}

/** Whether the two can be one name, as far as that can be said of a name in an unknown encoding. */
function isSpellingOf(rawName: Buffer, name: string): boolean {
  if (decodeUtf8(rawName) === name) return true;
  // A slash or a dot is never half of another character, in any code page.
  const plain = rawName.toString("latin1").split("/");
  const unicode = name.split("/");
  return plain.length === unicode.length && plain.every((segment, index) => isSegment(segment, unicode[index] ?? ""));
}

const NOT_ASCII = /[^\0-\x7f]/;

function isSegment(plain: string, unicode: string): boolean {
  if (!NOT_ASCII.test(plain)) return unescaped(plain) === unicode || isMasked(plain, unicode);
  const start = plain.search(NOT_ASCII);
  return (
    unicode.startsWith(plain.slice(0, start)) &&
    NOT_ASCII.test(unicode.charAt(start)) &&
    asciiExtension(plain) === asciiExtension(unicode)
  );
}

/** Info-ZIP writes `#U914d` for a character that its code page lacks, `#L01f600` for one beyond the first 65,536. */
function unescaped(plain: string): string {
  return plain.replace(/#(?:U([0-9a-f]{4})|L([0-9a-f]{6}))/gi, (whole, short, long) => {
    const code = Number.parseInt(short ?? long, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** Windows writes `?` or `_` for each character that its code page lacks. */
function isMasked(plain: string, unicode: string): boolean {
  return (
    plain.length === unicode.length &&
    [...plain].every((letter, index) => {
      const other = unicode.charAt(index);
      return letter === other || ((letter === "?" || letter === "_") && NOT_ASCII.test(other));
    })
  );
}

/** What is behind the last dot; undefined where that is not ASCII. */
function asciiExtension(name: string): string | undefined {
  const extension = name.slice(name.lastIndexOf(".") + 1);
  return name.includes(".") && !NOT_ASCII.test(extension) ? extension : undefined;
}
