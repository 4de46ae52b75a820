import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { constants, copyFile, lstat, open, rename, rm } from "node:fs/promises";
import { hasCode } from "./errors.ts";

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

/** The sha256 of a file's content, in hexadecimal. For regular files only: reading a named pipe might never end. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(file, "r");
  try {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, (await handle.stat()).size + 1));
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
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
