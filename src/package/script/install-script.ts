import { constants } from "node:os";
import { join } from "node:path";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { withTimeLimit } from "../../lib/signals.ts";
import { scriptEnvironment } from "./environment.ts";
import { createLimits } from "./limits.ts";
import { ScriptOutput } from "./output.ts";
import { type ProcessEnd, ProcessGroups } from "./process-group.ts";

export interface ScriptRunnerOptions {
  readonly config: Config["installScript"];
  /** Of which the script gets PATH, HOME and the like, and the proxies; nothing else. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ScriptRun {
  /** Absolute: it has install.sh, and is its working directory. */
  readonly folder: string;
  readonly args: readonly string[];
  /** Ends the script and all that it started. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

export interface ScriptOutcome {
  readonly durationMs: number;
  /** The last lines of its output, as many as `installScript.replyLines`. */
  readonly lastLines: readonly string[];
  readonly outputBytes: number;
}

export interface ScriptRunner {
  /** @throws PluginError SCRIPT_FAILED when scripts are forbidden */
  assertAllowed(): void;
  /**
   * Runs install.sh to its end. What it started in the background is ended with it.
   *
   * @throws PluginError SCRIPT_FAILED with the exit status and the last lines; the signal's reason if that is a
   *   PluginError
   */
  run(run: ScriptRun): Promise<ScriptOutcome>;
}

class TimeIsUp extends Error {}

export function createScriptRunner({ config, env }: ScriptRunnerOptions): ScriptRunner {
  const environment = scriptEnvironment(env);
  const limits = createLimits(config, environment);
  const groups = new ProcessGroups();

  function assertAllowed(): void {
    if (!config.enabled) throw new PluginError("SCRIPT_FAILED", "install.sh is forbidden by installScript.enabled");
  }

  async function run({ folder, args, signal, log }: ScriptRun): Promise<ScriptOutcome> {
    assertAllowed();
    if (signal.aborted) throw cancellation(signal);
    if (args.some((arg) => arg.includes("\0"))) throw cannotStart("a shell parameter has a NUL character");
    const script = join(folder, "install.sh");
    const command = [...(await limits(log)), "/bin/sh", script, ...args] as [string, ...string[]];
    const output = new ScriptOutput(log, config);
    const start = performance.now();
    const seconds = config.timeoutSeconds;
    let end: ProcessEnd;
    try {
      const tooSlow = () => new TimeIsUp(`install.sh was ended after ${seconds} s (installScript.timeoutSeconds)`);
      end = await withTimeLimit(signal, seconds * 1000, tooSlow, async (limited) => {
        const onOutput = (chunk: Uint8Array) => output.take(chunk);
        const ended = await groups.run({ command, folder, env: environment, signal: limited, onOutput });
        limited.throwIfAborted();
        return ended;
      });
    } catch (cause) {
      if (signal.aborted) throw cancellation(signal);
      if (hasCode(cause, "E2BIG")) throw cannotStart("the shell parameters are too long for the system", cause);
      if (hasCode(cause, "ENOENT", "ENOTDIR", "EACCES", "EAGAIN", "ENOMEM", "EMFILE", "ENFILE")) {
        throw cannotStart(systemMessage(cause), cause);
      }
      if (!(cause instanceof TimeIsUp)) throw cause;
      throw new PluginError("SCRIPT_FAILED", withOutput(cause.message, output, config.replyLines), { cause });
    } finally {
      output.end();
    }
    const durationMs = Math.round(performance.now() - start);
    const words = exitMessage(end);
    log.debug({ durationMs, outputBytes: output.bytes }, `install.sh ended: ${words ?? "success"}`);
    if (words !== undefined) throw new PluginError("SCRIPT_FAILED", withOutput(words, output, config.replyLines));
    return { durationMs, lastLines: output.lastLines(), outputBytes: output.bytes };
  }

  return { assertAllowed, run };
}

function withOutput(words: string, output: ScriptOutput, replyLines: number): string {
  if (replyLines === 0) return words;
  const lines = output.lastLines();
  if (lines.length === 0) return `${words}: install.sh printed nothing`;
  return `${words}: the last output of install.sh was: ${lines.join(" | ")}`;
}

function cannotStart(reason: string, cause?: unknown): PluginError {
  return new PluginError("SCRIPT_FAILED", `install.sh cannot be started: ${reason}`, { cause });
}

function cancellation({ reason }: AbortSignal): PluginError {
  if (reason instanceof PluginError) return reason;
  return new PluginError("SCRIPT_FAILED", "install.sh was cancelled", { cause: reason });
}

/** Go's words, which the original's users know. */
const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGABRT: "aborted",
  SIGALRM: "alarm clock",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGQUIT: "quit",
  SIGSEGV: "segmentation fault",
  SIGSYS: "bad system call",
  SIGTERM: "terminated",
  SIGTRAP: "trace/breakpoint trap",
  SIGXCPU: "CPU time limit exceeded",
  SIGXFSZ: "file size limit exceeded",
};

/** Which of our settings a signal comes from. */
const LIMIT_OF_SIGNAL: Readonly<Record<string, string>> = {
  SIGXCPU: "installScript.maxCpuSeconds",
  SIGXFSZ: "installScript.maxFileBytes",
};

/** How a process ended, or undefined when it succeeded: `exit status 3`, `signal: killed`. */
export function exitMessage({ exitCode, signal }: ProcessEnd): string | undefined {
  if (exitCode === 0) return undefined;
  if (signal !== null) return inBrackets(`signal: ${SIGNAL_WORDS[signal] ?? signal}`, LIMIT_OF_SIGNAL[signal]);
  // A shell tells of a command that a signal ended by adding 128 to its number.
  const [inner = ""] = Object.entries(constants.signals).find(([, number]) => number + 128 === exitCode) ?? [];
  const limit = LIMIT_OF_SIGNAL[inner];
  return inBrackets(`exit status ${exitCode}`, limit && `${SIGNAL_WORDS[inner]}, ${limit}`);
}

function inBrackets(words: string, remark: string | undefined): string {
  return remark === undefined ? words : `${words} (${remark})`;
}
