import { once } from "node:events";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { hasCode } from "../../lib/errors.ts";

/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 1000;
/** How long output is read after the end, in case a process outside the group keeps the pipe open. */
const DRAIN_MS = 250;

export interface GroupCommand {
  readonly command: readonly [string, ...string[]];
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Ends the whole process group. */
  readonly signal: AbortSignal;
  readonly onOutput: (chunk: Uint8Array) => Promise<void>;
}

export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Runs commands as process groups. Those that still run when this process exits are ended with it. */
export class ProcessGroups {
  readonly #leaders = new Set<number>();
  readonly #killAll = () => {
    for (const leader of this.#leaders) killGroup(leader, "SIGKILL");
  };

  /**
   * Runs a command as the leader of its own group, with its standard error in its standard output, until it ends or is
   * ended by the signal. Nothing of its group is left then; a child that left the group is not waited for, even if it
   * keeps the output open.
   *
   * @throws the system's error if the command can't be started; the signal's reason if it was aborted before
   */
  async run({ command, folder, env, signal, onOutput }: GroupCommand): Promise<ProcessEnd> {
    const { execa } = await import("execa");
    signal.throwIfAborted();
    // The shell joins the two outputs into one pipe, since only that keeps their order, and then becomes the command.
    const child = execa("/bin/sh", ["-c", 'exec "$@" 2>&1', "sh", ...command], {
      cwd: folder,
      env: { ...env },
      extendEnv: false,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      buffer: false,
      encoding: "buffer",
      detached: true,
      reject: false,
    });
    const { pid } = child;
    if (pid === undefined) throw (await child).cause;

    let killTimer: NodeJS.Timeout | undefined;
    const endGroup = () => {
      killGroup(pid, "SIGTERM");
      killTimer = setTimeout(() => killGroup(pid, "SIGKILL"), GRACE_MS);
    };
    signal.addEventListener("abort", endGroup, { once: true });
    this.#add(pid);
    const reading = readAll(child.stdout, onOutput);
    reading.catch(() => {}); // waited for below, when the command has ended
    try {
      const [exitCode, endSignal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
      killGroup(pid, "SIGKILL"); // the number is not reused while the group has members
      await Promise.race([reading, delay(DRAIN_MS)]);
      return { exitCode, signal: endSignal };
    } finally {
      clearTimeout(killTimer);
      signal.removeEventListener("abort", endGroup);
      this.#delete(pid);
      child.stdout.destroy();
      await reading;
    }
  }

  #add(leader: number): void {
    if (this.#leaders.size === 0) process.on("exit", this.#killAll);
    this.#leaders.add(leader);
  }

  #delete(leader: number): void {
    this.#leaders.delete(leader);
    if (this.#leaders.size === 0) process.removeListener("exit", this.#killAll);
  }
}

function killGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    // No process is left, or those that are run as another user.
    if (!hasCode(error, "ESRCH", "EPERM")) throw error;
  }
}

async function readAll(output: Readable, onOutput: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  try {
    for await (const chunk of output) await onOutput(chunk);
  } catch (error) {
    if (!hasCode(error, "ERR_STREAM_PREMATURE_CLOSE")) throw error; // destroyed above
  }
}
