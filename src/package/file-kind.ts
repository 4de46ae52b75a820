import type { FileHandle } from "node:fs/promises";
import { constants, gunzipSync } from "node:zlib";
import type { PluginError } from "../domain/errors.ts";
import { decodeUtf8 } from "../lib/text.ts";
import { archiveError } from "./refusal.ts";

/** How much of a file is looked at to say what it is. */
const HEAD_BYTES = 2048;
const MAX_INFLATED_BYTES = 64 * 1024;

/** A kind of file, if the beginning of one is it: a noun, and what to do. */
type Kind = (head: Buffer) => string | undefined;

/** The original's words for a file that is no zip, with its size and what it seems to be. */
export async function notAZip(file: FileHandle, cause?: unknown): Promise<PluginError> {
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
  return archiveError(`zip: not a valid zip file (${size} bytes, ${kindOf(buffer.subarray(0, bytesRead))})`, cause);
}

function kindOf(head: Buffer): string {
  if (head.length === 0) return "it is empty";
  for (const kind of KINDS) {
    const found = kind(head);
    if (found !== undefined) return found;
  }
  return "of an unknown kind";
}

const latin1 = (text: string) => Buffer.from(text, "latin1");
const REPLACEMENT = latin1("\xef\xbf\xbd");

const begins =
  (mark: string, what: string): Kind =>
  (head) =>
    head.subarray(0, mark.length).equals(latin1(mark)) ? what : undefined;

const PACK = "pack the plugin as a .zip";

const KINDS: readonly Kind[] = [
  (head) =>
    head.subarray(0, 4).equals(latin1("PK\x03\x04")) && head.includes(REPLACEMENT)
      ? "a zip that was sent as text, which destroys it; send it as binary"
      : undefined,
  begins("PK\x03\x04", "a zip whose end is missing or damaged; transfer it again"),
  begins("PK\x07\x08", "a part of a split zip; join its parts first"),
  begins("PK", "a zip that is cut off or damaged; transfer it again"),
  begins("7z\xbc\xaf\x27\x1c", `a 7z archive; ${PACK}`),
  begins("Rar!\x1a\x07", `a RAR archive; ${PACK}`),
  (head) => (head.subarray(0, 2).equals(latin1("\x1f\x8b")) ? gzipKind(head) : undefined),
  begins("\xfd7zXZ\0", `an xz file, such as a .tar.xz; ${PACK}`),
  begins("BZh", `a bzip2 file, such as a .tar.bz2; ${PACK}`),
  begins("\x28\xb5\x2f\xfd", `a Zstandard file, such as a .tar.zst; ${PACK}`),
  (head) => (isTar(head) ? `a tar archive; ${PACK}` : undefined),
  begins("\x7fELF", `an ELF file, such as a .so; ${PACK}`),
  begins("!<arch>\n", `a .deb or .a archive; ${PACK}`),
  begins("\xed\xab\xee\xdb", `an RPM package; ${PACK}`),
  begins("MZ", `a program of Windows; ${PACK}`),
  begins("%PDF-", "a PDF file"),
  (head) => (head.every((byte) => byte === 0) ? "zeros, as of a download that was not finished" : undefined),
  textKind,
];

/** Looks into the compressed data, of which only the beginning is there. */
function gzipKind(head: Buffer): string {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_INFLATED_BYTES };
  try {
    const content = gunzipSync(head, options);
    if (isTar(content)) return `a .tar.gz archive; ${PACK}`;
    if (content.subarray(0, 2).equals(latin1("PK"))) return "a zip inside of gzip; unpack it with gunzip first";
  } catch {
    // Damaged, or too much: its kind is known all the same.
  }
  return `a gzip file, such as a .tar.gz; ${PACK}`;
}

function isTar(head: Buffer): boolean {
  return head.subarray(257, 262).equals(latin1("ustar"));
}

const TEXTS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^version https:\/\/git-lfs\.github\.com\//, "a Git LFS pointer, not the file itself; get that with git lfs pull"],
  [
    /^(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)?<(!doctype html|html|head|body|script|title)\b/i,
    "an HTML page, such as a login or error page; open the address in a browser to see it",
  ],
  [/^<\?xml|^<[A-Za-z]+[ >]/, "XML, such as the error message of a storage service"],
  [/^[{[]/, "JSON, such as the error message of an API"],
  [/^UEsD/, "a zip in base64; decode it first"],
  [/^--\S+\r?\nContent-Disposition:/i, "the body of a form; send it with Content-Type: multipart/form-data"],
];

function textKind(head: Buffer): string | undefined {
  const text = decodedText(head)?.trimStart();
  if (text === undefined) return undefined;
  return TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? "text";
}

/** Undefined for what is no text. The last character can be cut. */
function decodedText(head: Buffer): string | undefined {
  if (head.subarray(0, 2).equals(latin1("\xff\xfe"))) return new TextDecoder("utf-16le").decode(head);
  for (let cut = 0; cut < 4; cut += 1) {
    const text = decodeUtf8(head.subarray(0, head.length - cut));
    if (text !== undefined) return /(?!\s)\p{Cc}/u.test(text) ? undefined : text;
  }
  return undefined;
}
