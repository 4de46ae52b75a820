import { lstat } from "node:fs/promises";
import { makeFolder } from "../lib/durable.ts";

/**
 * Makes the folder of what is kept of jobs, if it is not there: for the server's user alone.
 *
 * @throws the file system's error; an Error that says what to do about a link
 */
export async function makeJobsFolder(folder: string): Promise<void> {
  await makeFolder(folder, 0o700);
  if (!(await isOwn(folder))) throw new Error(`${folder} is a link; move it away`);
}

/** Where a link is in its place, its files are somebody else's. */
export async function isOwn(folder: string): Promise<boolean> {
  return lstat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
