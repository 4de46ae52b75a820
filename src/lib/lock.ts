import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { hasCode } from "./errors.ts";

/** O_NONBLOCK: a FIFO in the file's place must not block the open. */
const { O_WRONLY, O_CREAT, O_APPEND, O_NONBLOCK } = constants;

/** The exit status of `flock` when another process holds the lock. */
const TAKEN = 1;

type LockResult = { readonly outcome: "locked" | "taken" } | { readonly outcome: "failed"; readonly reason: unknown };

/**
 * Locks a file, created if missing, until this process ends in whatever way: the kernel's lock goes with its holder, so
 * nothing has to be cleaned up after a crash. It holds across containers that share the folder.
 *
 * Node has no flock(2), so the `flock` program (util-linux, busybox) locks the file that we hold open. It is started
 * with child_process: loading execa would cost every start more than the lock itself.
 *
 * @throws the system's error when the file can't be opened
 */
export async function lockFile(file: string): Promise<LockResult> {
  // A bare descriptor, never closed: a FileHandle that nobody refers to is closed by the garbage collector.
  const descriptor = openSync(file, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0o600);
  const status = await flock(descriptor);
  if (status === 0) return { outcome: "locked" };
  if (status !== TAKEN) return { outcome: "failed", reason: status };
  closeSync(descriptor);
  return { outcome: "taken" };
}

/** The exit status of `flock`, or why it could not be run. */
async function flock(descriptor: number): Promise<number | string> {
  // The lock belongs to the open file, which both processes share, not to the process that asked for it.
  const child = spawn("flock", ["-n", "-x", "3"], { stdio: ["ignore", "ignore", "ignore", descriptor] });
  try {
    const [status] = await once(child, "exit");
    return status ?? "killed";
  } catch (error) {
    return hasCode(error, "ENOENT") ? "ENOENT" : String(error);
  }
}
