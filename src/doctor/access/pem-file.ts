import { stat } from "node:fs/promises";
import { readSmallFile, unreadProblem } from "../../lib/small-file.ts";
import { decodeText } from "../../lib/text-encoding.ts";

/** As the server reads certificates and keys. */
const MAX_BYTES = 1024 * 1024;

const OTHERS_READ = 0o004;

/** @throws Error with what is wrong with the file, to follow its name */
export async function readTextFile(file: string): Promise<string> {
  try {
    return decodeText(await readSmallFile(file, MAX_BYTES));
  } catch (cause) {
    throw new Error(unreadProblem(cause), { cause });
  }
}

/** Whether every user of this machine may read a file that holds a secret. */
export async function isOpenToOthers(file: string): Promise<boolean> {
  return ((await stat(file)).mode & OTHERS_READ) !== 0;
}
