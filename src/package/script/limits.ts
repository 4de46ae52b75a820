import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Config } from "../../config/schema.ts";
import type { Log } from "../../lib/log.ts";

type ScriptConfig = Config["installScript"];

/** Between SIGXCPU, which says that the CPU time is used up, and SIGKILL. */
const CPU_GRACE_SECONDS = 2;

/** The arguments to put before a command so that the system limits what it uses. */
type LimitPrefix = (log: Log) => Promise<readonly string[]>;

/**
 * Limits by `prlimit` (util-linux), which is searched for at the first run. Where it is missing or does not work, one
 * warning says so and scripts run without limits.
 */
export function createLimits(config: ScriptConfig, env: Readonly<Record<string, string>>): LimitPrefix {
  let prefix: Promise<readonly string[]> | undefined;
  return (log) => {
    prefix ??= prlimitPrefix(config, env, log);
    return prefix;
  };
}

async function prlimitPrefix(config: ScriptConfig, env: Record<string, string>, log: Log): Promise<readonly string[]> {
  const wanted = wantedLimits(config);
  if (wanted.length === 0) return [];
  const program = await findProgram("prlimit", env.PATH ?? "");
  const highest = program === undefined ? undefined : await hardLimits(program, env);
  if (program === undefined || highest === undefined) {
    const settings = wanted.map(({ setting }) => `installScript.${setting}`).join(", ");
    log.warn(`prlimit (util-linux) is missing or does not work here: install.sh runs without ${settings}`);
    return [];
  }
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
