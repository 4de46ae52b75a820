import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { open } from "node:fs/promises";

/** Why a file is not read; the message follows the file's name. */
export class UnfitFile extends Error {
  override readonly name: string = "UnfitFile";
}

/** O_NONBLOCK: a FIFO without a writer must not block the open, which occupies a thread until there is one. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const READ_BYTES = 64 * 1024;

/**
 * Reads a file whose path an operator or a client named: a key, a certificate, a setting. Whatever is there instead, it
 * takes neither a thread for ever nor more memory than said. The size is counted as it is read: in /proc it is 0, and a
 * file may grow meanwhile.
 *
 * @throws UnfitFile when it is not a regular file, or larger; the system's error when it can't be read
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<Buffer> {
  await using handle = await open(path, OPEN_FLAGS);
  const { firstBytes, limit } = checked(await handle.stat(), maxBytes);
  const parts: Buffer[] = [];
  for (let total = 0; ; ) {
    const buffer = Buffer.allocUnsafe(total === 0 ? firstBytes : READ_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return Buffer.concat(parts);
    total += bytesRead;
    if (total > limit) throw tooLarge(limit);
    parts.push(buffer.subarray(0, bytesRead));
  }
}

/** The same for the start, when nothing else waits. */
export function readSmallFileSync(path: string, maxBytes: number): Buffer {
  const descriptor = openSync(path, OPEN_FLAGS);
  try {
    const { firstBytes, limit } = checked(fstatSync(descriptor), maxBytes);
    const parts: Buffer[] = [];
    for (let total = 0; ; ) {
      const buffer = Buffer.allocUnsafe(total === 0 ? firstBytes : READ_BYTES);
      const bytesRead = readSync(descriptor, buffer);
      if (bytesRead === 0) return Buffer.concat(parts);
      total += bytesRead;
      if (total > limit) throw tooLarge(limit);
      parts.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    closeSync(descriptor);
  }
}

function checked(stats: Stats, limit: number): { readonly firstBytes: number; readonly limit: number } {
  if (!stats.isFile()) throw new UnfitFile("is not a regular file");
  if (stats.size > limit) throw tooLarge(limit);
  return { firstBytes: stats.size + 1, limit };
}

function tooLarge(limit: number): UnfitFile {
  return new UnfitFile(`has more than ${limit} bytes`);
}
