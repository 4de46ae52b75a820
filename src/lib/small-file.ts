import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { hasCode, systemMessage } from "./errors.ts";
import { NOT_THERE, OPEN_WITHOUT_WAITING } from "./files.ts";

/** Why a file is not read; the message follows the file's name. */
export class UnfitFile extends Error {
  override readonly name: string = "UnfitFile";
}

/** Why a file can't be read, of what `readSmallFile` threw: `it is not a regular file`, or the system's reason. */
export function unreadReason(error: unknown): string {
  return error instanceof UnfitFile ? `it ${error.message}` : systemMessage(error);
}

/** The same as a whole, to follow the file's name: `is not a regular file`, `can't be read: ` and the system's reason. */
export function unreadProblem(error: unknown): string {
  return error instanceof UnfitFile ? error.message : `can't be read: ${systemMessage(error)}`;
}

const READ_BYTES = 64 * 1024;

/**
 * Reads a file whose path an operator or a client named: a key, a certificate, a setting. Whatever is there instead, it
 * takes neither a thread for ever nor more memory than said. The size is counted as it is read: in /proc it is 0, and a
 * file may grow meanwhile.
 *
 * @throws UnfitFile when it is not a regular file, or larger; the system's error when it can't be read
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<Buffer> {
  await using handle = await open(path, OPEN_WITHOUT_WAITING);
  const stats = await handle.stat();
  if (!stats.isFile()) throw new UnfitFile("is not a regular file");
  if (stats.size > maxBytes) throw tooLarge(maxBytes);
  const parts: Buffer[] = [];
  for (let total = 0; ; ) {
    const buffer = Buffer.allocUnsafe(total === 0 ? stats.size + 1 : READ_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return Buffer.concat(parts);
    total += bytesRead;
    if (total > maxBytes) throw tooLarge(maxBytes);
    parts.push(buffer.subarray(0, bytesRead));
  }
}

/** The same of a file of our own that somebody may have removed or replaced: undefined then. @throws the system's error */
export async function readSmallFileIfFit(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    return await readSmallFile(path, maxBytes);
  } catch (error) {
    if (error instanceof UnfitFile || hasCode(error, ...NOT_THERE)) return undefined;
    throw error;
  }
}

/** The same for the start, which waits for it. A folder is refused by the system, in its own words. */
export function readSmallFileSync(path: string, maxBytes: number): Buffer {
  const file = openSync(path, OPEN_WITHOUT_WAITING);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() && !stats.isDirectory()) throw new UnfitFile("is not a regular file");
    if (stats.size > maxBytes) throw tooLarge(maxBytes);
    const buffer = Buffer.allocUnsafe(maxBytes + 1);
    for (let total = 0; total <= maxBytes; ) {
      const bytesRead = readSync(file, buffer, total, buffer.length - total, null);
      if (bytesRead === 0) return buffer.subarray(0, total);
      total += bytesRead;
    }
    throw tooLarge(maxBytes);
  } finally {
    closeSync(file);
  }
}

function tooLarge(limit: number): UnfitFile {
  return new UnfitFile(`has more than ${limit} bytes`);
}
