import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { hasCode } from "../domain/errors.ts";
import type { Log } from "../domain/log.ts";
import type { Layout } from "./layout.ts";

/** Without blocking, since in place of the file there might be a named pipe. */
const { O_WRONLY, O_CREAT, O_APPEND, O_NONBLOCK } = constants;

/** The exit code of `flock` that means: another one has the lock. */
const TAKEN = 1;

/** Another server works on the same base folder. */
export class BaseFolderTaken extends Error {
  override readonly name = "BaseFolderTaken";
}

/**
 * Makes this process the only server of a base folder, until it ends in whatever way: the kernel's lock goes with its
 * holder, so nothing has to be cleaned up after a crash. It holds across containers that share the folder.
 *
 * Node has no call for it, so the `flock` program (util-linux, busybox) locks the file that we hold open. Where that is
 * missing, a warning says so.
 *
 * @throws BaseFolderTaken
 */
export async function lockBaseFolder(layout: Layout, log: Log): Promise<void> {
  await mkdir(layout.volume("plugins"), { recursive: true });
  // A bare descriptor, never closed: a FileHandle that nobody refers to is closed by the garbage collector.
  const descriptor = openSync(layout.lockFile, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0o600);
  const code = await flock(descriptor);
  if (code === 0) return;
  if (code === TAKEN) {
    closeSync(descriptor);
    throw new BaseFolderTaken(`another server works on ${layout.base}; stop it, or give this one a folder of its own`);
  }
  log.warn({ code }, "the base folder can't be locked (is flock installed?): do not start a second server on it");
}

/** The exit code of `flock`, or the reason for which it can't be run. */
async function flock(descriptor: number): Promise<number | string> {
  // The lock belongs to the open file that both processes share, not to the one that asked for it.
  const child = spawn("flock", ["-n", "-x", "3"], { stdio: ["ignore", "ignore", "ignore", descriptor] });
  try {
    const [code] = await once(child, "exit");
    return code ?? "killed";
  } catch (error) {
    return hasCode(error, "ENOENT") ? "ENOENT" : String(error);
  }
}
