import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import { serverTest } from "../support/fixtures.ts";
import { GATED_SCRIPT, type ScriptGate } from "../support/script-gate.ts";
import type { ZipHost } from "../support/zip-host.ts";

export const COMMAND = fileURLToPath(new URL("../../dist/kuiper-plugins.js", import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  /** The server's URL. */
  readonly server?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** The built command as a process, whose output a test can wait for. */
export class RunningCommand {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output = new EventEmitter().setMaxListeners(0);
  #stdout = "";
  #stderr = "";
  #isRead = false;

  constructor(program: string, args: readonly string[], { server, env = {}, cwd }: RunOptions) {
    this.#child = spawn(program, args, {
      cwd,
      env: { PATH: process.env.PATH, ...(server === undefined ? {} : { KUIPER_PLUGINS_SERVER: server }), ...env },
    });
    this.#child.stdin.on("error", () => {}); // it may have ended
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#output.emit("more");
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      this.#output.emit("more");
    });
    this.ended = once(this.#child, "close").then(([status]) => {
      this.#isRead = true;
      this.#output.emit("more");
      return { status, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  /** All that was printed so far. */
  get printed(): string {
    return this.#stdout + this.#stderr;
  }

  /** Waits until what was printed matches; rejects when the command has ended, and all that it had printed is without it. */
  async prints(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.printed)) {
      if (this.#isRead) throw new Error(`it ended without ${pattern}: ${this.printed}`);
      await once(this.#output, "more");
    }
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Nobody reads that any more, as when `head` has ended. */
  closeReader(of: "stdout" | "stderr"): void {
    this.#child[of].destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Starts a command. */
export function start(args: readonly string[], options: RunOptions = {}): RunningCommand {
  return new RunningCommand(process.execPath, [COMMAND, ...args], options);
}

/** Runs a command to its end. */
export function run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return start(args, options).ended;
}

/** The same on a terminal of its own: what is typed goes through the line discipline, so that ^C is a signal. */
export function startOnTerminal(
  args: readonly string[],
  options: RunOptions & { columns?: number } = {},
): RunningCommand {
  const { columns = 80, env = {} } = options;
  const words = [process.execPath, COMMAND, ...args].map((word) => `'${word}'`).join(" ");
  const command = `stty cols ${columns} rows 24; exec ${words}`;
  const terminal = { TERM: "xterm", SHELL: "/bin/sh", ...env };
  return new RunningCommand("script", ["-qefc", command, "/dev/null"], { ...options, env: terminal });
}

/** Tests with a running `server` each; `cli` runs a command in `folder` that asks it. */
export const cliTest = serverTest().extend("cli", ({ server, folder }) => (...args: string[]) => {
  return run(args, { server: server.url, cwd: folder });
});

/** The command that installs sinks/gated, whose install.sh waits at the gate. */
export function gatedInstall(host: ZipHost, gate: ScriptGate, script = GATED_SCRIPT): string[] {
  const zip = host.serveZip({ type: "sinks", name: "gated", script });
  return ["install", zip, "--type", "sinks", "--name", "gated", ...gate.args.map((one) => `--script-arg=${one}`)];
}

/** Whatever a terminal could obey, but for the end of a line. */
export const CONTROLS = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
