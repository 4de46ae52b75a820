import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The text of an install.sh that says when it runs and ends when it may: its first two arguments are the gate's. */
export const GATED_SCRIPT = 'echo started > "$1"\nread -r _ < "$2"\n';

/** A hand-shake with an install.sh over two FIFOs. */
export interface ScriptGate {
  /** For `shellParas`. */
  readonly args: readonly [string, string];
  /** Resolves when the script runs. */
  readonly started: Promise<void>;
  /** Lets the script end. */
  release(): void;
  close(): Promise<void>;
}

export async function createScriptGate(): Promise<ScriptGate> {
  const folder = await mkdtemp(join(tmpdir(), "script-gate-"));
  const args = [join(folder, "started"), join(folder, "release")] as const;
  execFileSync("mkfifo", args);
  // Both ends of each are open, so that neither side waits for the other to open it; polled, so that no thread waits.
  const open = (path: string) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const started = new Socket({ fd: open(args[0]) });
  const release = open(args[1]);
  return {
    args,
    started: new Promise((resolve) => started.once("data", () => resolve())),
    release: () => void writeSync(release, "go\n"),
    async close() {
      started.destroy();
      closeSync(release);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
