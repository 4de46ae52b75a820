import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { constants, copyFile, type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { hasCode } from "./errors.ts";

/** For reading a path where something else may be, or come to be: a FIFO must not block the open, nor a terminal be ours. */
export const OPEN_WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

// Nothing here waits for the disk: what has to survive a power cut is in durable.ts.

/**
 * Renames a file; copies and removes it where the new name is on another file system.
 *
 * @throws the file system's error
 */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasCode(error, "EXDEV")) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
    await rm(from, { force: true });
  }
}

/** Read in large steps: a stream's default of 64 KiB takes three times as long for a .so of 300 MB. */
const READ_BYTES = 1024 * 1024;

/**
 * The sha256 of a file's content, in hexadecimal. For regular files only: reading a named pipe might never end.
 *
 * @param size as it was found, where it was looked up already
 */
export async function sha256OfFile(file: string, size?: bigint): Promise<string> {
  const handle = await open(file, "r");
  try {
    return (await hashContent(handle, Number(size ?? (await handle.stat()).size))).sha256;
  } finally {
    await handle.close();
  }
}

/**
 * The same of an open file, from its beginning.
 *
 * @param size as far as it is known: a file that grows is read to its end
 * @param check called with the bytes so far, after each step; what it throws ends the reading
 */
export async function hashContent(
  handle: FileHandle,
  size: number,
  check: (bytes: number) => void = () => {},
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, size + 1));
  for (let bytes = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, bytes);
    bytes += bytesRead;
    check(bytes);
    hash.update(buffer.subarray(0, bytesRead));
    // With the size that it had, a step that could have had more has found the end.
    const isAtEnd = bytesRead === 0 || (bytes === size && bytesRead < buffer.length);
    if (isAtEnd) return { sha256: hash.digest("hex"), bytes };
  }
}

/** Node's rm enters neither folders without permission nor paths beyond the system's limit; these programs do. */
const REMOVE_ALL = 'chmod -R u+rwx -- "$1" 2>/dev/null; rm -rf -- "$1"';

/**
 * Removes a folder with all that is in it, also what a script made hard to remove. Links are not followed.
 *
 * @throws the file system's error
 */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if (!hasCode(error, "EACCES", "EPERM", "ENAMETOOLONG", "ENOTEMPTY")) throw error;
    const { execa } = await import("execa"); // loaded here: a start without such a folder needs no execa
    const { failed } = await execa("/bin/sh", ["-c", REMOVE_ALL, "sh", folder], { reject: false, stdio: "ignore" });
    if (failed) throw error; // the first error names the cause
  }
}

/** The codes for a path where nothing is, or can be. */
export const NOT_THERE: readonly string[] = ["ENOENT", "ENOTDIR", "ENAMETOOLONG"];

/** The lstat of a path: a link is not followed. Undefined where there is nothing. */
export async function statIfThere(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (hasCode(error, ...NOT_THERE)) return undefined;
    throw error;
  }
}

/** Whether there is anything at that path; a link counts, wherever it points. */
export async function exists(path: string): Promise<boolean> {
  return (await statIfThere(path)) !== undefined;
}
