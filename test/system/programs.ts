import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { killGroup } from "../../src/lib/command-group.ts";

export const ROOT = join(import.meta.dirname, "../..");

type Environment = Readonly<Record<string, string | undefined>>;

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Its exit code is part of the answer, whatever it is. */
export async function run(
  [program, ...args]: readonly [string, ...string[]],
  options: { cwd?: string; env?: Environment } = {},
): Promise<Finished> {
  const limits = { maxBuffer: 16 * 1024 * 1024, timeout: 500_000 };
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { ...limits, ...options });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (typeof code !== "number") throw error;
    return { code, stdout, stderr };
  }
}

/** A program that runs beside the test, the leader of a process group that is gone after the test. */
export class Program {
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #output = "";

  constructor([program, ...args]: readonly [string, ...string[]], { cwd, env }: { cwd: string; env: Environment }) {
    const child = spawn(program, args, { cwd, env: { ...env }, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    this.exited = once(child, "close").then(([code]) => code);
    onTestFinished(async () => {
      await this.end();
    });
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends the group: by SIGTERM, and what is left after 15 s by SIGKILL. */
  async end(): Promise<number | null> {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("the program could not be started");
    if (!this.isRunning) return this.exited;
    process.kill(-pid, "SIGTERM");
    const force = setTimeout(() => killGroup(pid, "SIGKILL"), 15_000);
    const code = await this.exited;
    clearTimeout(force);
    return code;
  }
}

/** Asks again and again until there is an answer. */
export async function waitFor<T>(what: string, probe: () => Promise<T | undefined>, seconds = 60): Promise<T> {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await pause(50)) {
    const answer = await probe();
    if (answer !== undefined) return answer;
  }
  throw new Error(`waited ${seconds} s for ${what}`);
}

/** Waits until a server answers; says what it printed if it never does. */
export async function waitForPing(url: string, program: Program, seconds = 60): Promise<void> {
  await waitFor(
    `${url}/ping`,
    async () => {
      if (!program.isRunning) throw new Error(`the server ended: ${program.output}`);
      const response = await fetch(`${url}/ping`).catch(() => undefined);
      return response?.status === 200 ? true : undefined;
    },
    seconds,
  ).catch((error) => {
    throw new Error(`${error.message}; printed so far: ${program.output}`);
  });
}

/** What a new clone of this project would have, and what is not committed yet. */
export async function copyCheckout(to: string, isWanted: (path: string) => boolean = () => true): Promise<void> {
  const { stdout } = await run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT });
  for (const path of stdout.split("\0").filter((name) => name !== "" && isWanted(name))) {
    await cp(join(ROOT, path), join(to, path)).catch((error) => {
      if (error.code !== "ENOENT") throw error; // removed, but not from git yet
    });
  }
}

/** The packages that are installed here, for a copy that does not test their installation. */
export async function linkPackages(folder: string): Promise<void> {
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
}

export function readText(...path: string[]): Promise<string> {
  return readFile(join(ROOT, ...path), "utf8");
}
