import { hasCode } from "./errors.ts";

/** Between SIGTERM and SIGKILL. */
export const GRACE_MS = 1000;
/** How long output is read after the end, in case another process keeps the pipe open. */
export const DRAIN_MS = 250;

/** Options of execa for a command that leads a process group of its own, with one pipe for all that it prints. */
export const GROUP_OPTIONS = {
  extendEnv: false,
  stdin: "ignore",
  stdout: "pipe",
  stderr: "ignore",
  buffer: false,
  encoding: "buffer",
  detached: true,
  reject: false,
} as const;

/** Program and arguments: the shell joins the two outputs into one, since only that keeps their order, and then becomes the command. */
export function inOneOutput(command: readonly string[]): ["/bin/sh", string[]] {
  return ["/bin/sh", ["-c", 'exec "$@" 2>&1', "sh", ...command]];
}

/** Sends a signal to all processes of a group. */
export function killGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    // No process is left, or those that are run as another user.
    if (!hasCode(error, "ESRCH", "EPERM")) throw error;
  }
}
