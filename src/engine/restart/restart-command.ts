import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { DRAIN_MS, GRACE_MS, GROUP_OPTIONS, inOneOutput, killGroup } from "../../lib/command-group.ts";
import { PatientTimer } from "../../lib/patient-timer.ts";
import { printable } from "../../lib/text.ts";
import { within } from "../../lib/within.ts";

interface RestartCommand {
  readonly command: readonly string[];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutSeconds: number;
  /** Ends the waiting, and not the command: half a restart would be worse than a whole one. */
  readonly signal: AbortSignal;
}

/** How a command ended. */
export interface CommandEnd {
  /** Why it failed; undefined for exit status 0. */
  readonly failure?: string;
  /** The last lines that it printed. */
  readonly lastLines: readonly string[];
}

/** Enough to see why; jobs keep it for a long time. */
const MAX_LINES = 10;
const MAX_LINE_LENGTH = 300;
const TAIL_BYTES = 16 * 1024;

/**
 * Runs the command of `engine.restart`, as a process group. One that takes too long is ended with its group; what one that
 * has ended leaves running is let alone, since that may be the engine.
 *
 * @throws the signal's reason
 */
export async function runRestartCommand(options: RestartCommand): Promise<CommandEnd> {
  const { command, folder, env, timeoutSeconds, signal } = options;
  signal.throwIfAborted();
  const { execa } = await import("execa");
  const child = execa(...inOneOutput(command), {
    ...GROUP_OPTIONS,
    cwd: folder,
    env: { ...env },
    cleanup: false, // it is to finish, also when this process ends
  });
  const { pid } = child;
  if (pid === undefined) return { failure: `can't be started: ${(await child).shortMessage}`, lastLines: [] };
  let tail: Buffer = Buffer.alloc(0);
  // It is read to its end, whoever holds the pipe: a writer of a closed one would be ended.
  child.stdout.on("data", (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
  });
  child.stdout.on("error", () => {});
  const closed = once(child.stdout, "close").catch(() => {});
  let isLate = false;
  let killTimer: NodeJS.Timeout | undefined;
  const timer = new PatientTimer(timeoutSeconds * 1000, () => {
    isLate = true;
    killGroup(pid, "SIGTERM");
    killTimer = setTimeout(() => killGroup(pid, "SIGKILL"), GRACE_MS);
  });
  try {
    const [code, endSignal] = (await once(child, "exit", { signal }).catch((error) => {
      throw signal.aborted ? signal.reason : error;
    })) as [number | null, NodeJS.Signals | null];
    timer.stop(); // from here on the group may be the engine alone
    if (isLate) killGroup(pid, "SIGKILL");
    await within(closed, DRAIN_MS, undefined);
    const lastLines = linesOf(tail);
    if (isLate) return { failure: `did not end within ${timeoutSeconds} s (engine.restartTimeoutSeconds)`, lastLines };
    if (code === 0) return { lastLines };
    return { failure: code === null ? `was ended by ${endSignal}` : `failed with exit status ${code}`, lastLines };
  } finally {
    timer.stop();
    clearTimeout(killTimer);
    child.unref();
  }
}

function linesOf(tail: Buffer): string[] {
  const lines = stripVTControlCharacters(tail.toString("utf8")).split(/[\r\n]+/);
  const readable = lines.map((line) => printable(line.replaceAll("\t", " ").trim().slice(0, MAX_LINE_LENGTH)));
  return readable.filter((line) => line !== "").slice(-MAX_LINES);
}
