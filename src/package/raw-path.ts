import { join } from "node:path";

/**
 * Paths whose encoding nobody knows. Each byte that is not ASCII is a lone surrogate (U+DC80 to U+DCFF), which no decoded
 * name has: so such a path is a string like all others, equal to no other name, and its bytes can be had back. (Python
 * calls this surrogateescape.)
 */

const SURROGATES = 0xdc00;

export function fromRawBytes(bytes: Buffer): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : SURROGATES + byte)).join("");
}

/** What the file system is to be given for `folder/path`: for a path in an unknown encoding, its own bytes. */
export function pathOnDisk(folder: string, path: string): string | Buffer {
  return hasRawBytes(path) ? Buffer.concat([Buffer.from(`${folder}/`), rawBytes(path)]) : join(folder, path);
}

export function hasRawBytes(path: string): boolean {
  return /\p{Cs}/u.test(path);
}

function rawBytes(path: string): Buffer {
  return Buffer.from(Array.from(path, (letter) => letter.charCodeAt(0) & 0xff));
}
