import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { constants, copyFile, open, rename, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { hasCode } from "./errors.ts";

/**
 * Gives a file another name; a copy where that is on another file system.
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

/** Makes what a file, or a folder, has in it durable. One that is read-only can't be opened for writing. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Read in large steps: a stream's default of 64 KiB takes three times as long for a .so of 300 MB. */
const READ_BYTES = 1024 * 1024;

/** The sha256 of what a file has, in hexadecimal. Of regular files only: reading anything else might never end. */
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

/** Node's rm can neither enter folders without permission nor paths longer than the system's limit; these can. */
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
    await promisify(execFile)("/bin/sh", ["-c", REMOVE_ALL, "sh", folder]).catch(() => {
      throw error; // it names the cause in the system's words
    });
  }
}
