import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../config/schema.ts";
import { DRAIN_MS, GRACE_MS, GROUP_OPTIONS, inOneOutput, killGroup } from "../../lib/command-group.ts";
import { hasCode } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { within } from "../../lib/within.ts";

/** How often is looked whether a killed group has ended. */
const POLL_MS = 5;

interface GroupCommand {
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
  /** Whether the signal was aborted before that. */
  readonly wasAborted: boolean;
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
    const child = execa(...inOneOutput(command), { ...GROUP_OPTIONS, cwd: folder, env: { ...env } });
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
      const wasAborted = signal.aborted;
      killGroup(pid, "SIGKILL"); // the number is not reused while the group has members
      await groupEnd(pid);
      await within(reading, DRAIN_MS, undefined);
      return { exitCode, signal: endSignal, wasAborted };
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

/**
 * Waits until no process of the group is left: one that was killed may still finish the write that it is in. Given up
 * after a while, since a system whose first process reaps no orphans keeps them as zombies, which no longer write.
 */
async function groupEnd(leader: number): Promise<void> {
  for (let waited = 0; waited < DRAIN_MS && hasMembers(leader); waited += POLL_MS) await delay(POLL_MS);
}

function hasMembers(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return true;
  } catch (error) {
    return !hasCode(error, "ESRCH"); // EPERM: one that is run as another user
  }
}

async function readAll(output: Readable, onOutput: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  try {
    for await (const chunk of output) await onOutput(chunk);
  } catch (error) {
    if (!hasCode(error, "ERR_STREAM_PREMATURE_CLOSE")) throw error; // destroyed above
  }
}

type ScriptConfig = Config["installScript"];

/** Between SIGXCPU, which says that the CPU time is used up, and SIGKILL. */
const CPU_GRACE_SECONDS = 2;

/** The arguments to put before a command so that the system limits what it uses. */
type LimitPrefix = (log: Log) => Promise<readonly string[]>;

/**
 * Limits by `prlimit` (util-linux), which is searched for until it is found. As long as it is missing or does not work,
 * scripts run without limits; one warning says so. It may just not have been started by a system that was busy.
 */
export function createLimits(config: ScriptConfig, env: Readonly<Record<string, string>>): LimitPrefix {
  const wanted = wantedLimits(config);
  let prefix: readonly string[] | undefined = wanted.length === 0 ? [] : undefined;
  let isWarned = false;
  return async (log) => {
    prefix ??= await prlimitPrefix(wanted, env);
    if (prefix !== undefined) return prefix;
    if (!isWarned) {
      const settings = wanted.map(({ setting }) => `installScript.${setting}`).join(", ");
      log.warn(`prlimit (util-linux) is missing or does not work here: install.sh runs without ${settings}`);
    }
    isWarned = true;
    return [];
  };
}

/** Undefined where it is missing or does not work. */
async function prlimitPrefix(
  wanted: ReturnType<typeof wantedLimits>,
  env: Record<string, string>,
): Promise<readonly string[] | undefined> {
  const program = await findProgram("prlimit", env.PATH ?? "");
  const highest = program === undefined ? undefined : await hardLimits(program, env);
  if (program === undefined || highest === undefined) return undefined;
  const options = wanted.map(({ option, resource, soft, hard }) => {
    // prlimit fails when it is to set more than this process is allowed itself.
    const max = highest.get(resource) ?? Number.POSITIVE_INFINITY;
    return `--${option}=${Math.min(soft, max)}:${Math.min(hard, max)}`;
  });
  return [program, ...options, "--"];
}

function wantedLimits(config: ScriptConfig) {
  const { maxCpuSeconds: cpu, maxMemoryBytes: memory, maxFileBytes: file, maxProcesses: processes } = config;
  return [
    { setting: "maxCpuSeconds", option: "cpu", resource: "CPU", soft: cpu, hard: cpu + CPU_GRACE_SECONDS },
    { setting: "maxMemoryBytes", option: "as", resource: "AS", soft: memory, hard: memory },
    { setting: "maxFileBytes", option: "fsize", resource: "FSIZE", soft: file, hard: file },
    { setting: "maxProcesses", option: "nproc", resource: "NPROC", soft: processes, hard: processes },
  ].filter(({ soft }) => soft > 0);
}

async function findProgram(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((part) => part.startsWith("/"))) {
    const file = join(folder, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return file;
  }
  return undefined;
}

/** The hard limits of this process, by resource; undefined if `prlimit` does not work, as with a restricted kernel. */
async function hardLimits(program: string, env: Record<string, string>): Promise<Map<string, number> | undefined> {
  const { execa } = await import("execa");
  const args = ["--raw", "--noheadings", "--output", "RESOURCE,HARD"];
  const result = await execa(program, args, { env, extendEnv: false, reject: false, timeout: 5000, stdin: "ignore" });
  if (result.failed) return undefined;
  const rows = result.stdout.split("\n").map((line) => line.trim().split(/\s+/));
  return new Map(rows.flatMap(([name = "", hard = ""]) => (/^\d+$/.test(hard) ? [[name, Number(hard)] as const] : [])));
}
