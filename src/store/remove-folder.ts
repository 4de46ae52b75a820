import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";
import { hasCode } from "../domain/errors.ts";

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
