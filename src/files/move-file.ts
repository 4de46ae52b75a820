import { constants, copyFile, rename, rm } from "node:fs/promises";
import { hasCode } from "../domain/errors.ts";

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
