import { chmodSync, mkdirSync } from "node:fs";
import { chmod, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** What the engine, which may run as another user, has to read. */
const OPEN_MODE = 0o755;
const PERMISSIONS = 0o777;

/**
 * Makes a folder whose permissions are `mode` whatever the process's umask is. A set-group-ID bit that it inherits stays.
 *
 * @throws the file system's error
 */
export async function makeWithMode(folder: string, mode = OPEN_MODE): Promise<void> {
  await mkdir(folder, mode);
  const { mode: made } = await stat(folder);
  if ((made & PERMISSIONS) !== mode) await chmod(folder, (made & ~PERMISSIONS & 0o7777) | mode);
}

/** The same for a folder and those above it that are missing, for the start. */
export function makeFoldersSync(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) chmodSync(made, OPEN_MODE);
}
