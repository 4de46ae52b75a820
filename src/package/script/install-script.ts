import { constants } from "node:os";
import { join } from "node:path";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { Deadline } from "../../lib/signals.ts";
import { ScriptOutput } from "./output.ts";
import { createLimits, type ProcessEnd, ProcessGroups } from "./process-group.ts";
import { prepareScripts } from "./script-files.ts";
import { SCRIPT } from "./script-text.ts";

interface ScriptRunnerOptions {
  readonly config: Config["installScript"];
  /** The server's environment. The script gets PATH, HOME and the like, and the proxies; nothing else. */
  readonly env: Environment;
  /** What it also gets, see `engineVariables`. */
  readonly variables?: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface ScriptRun {
  /** Absolute: it has install.sh, and is its working directory. */
  readonly folder: string;
  readonly args: readonly string[];
  /** Ends the script and all that it started. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Called with all that it prints, as it comes. */
  readonly onOutput?: ((chunk: Uint8Array) => void) | undefined;
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
  /** To be called before `run`, and before anything else is done with the zip; see `prepareScripts`. */
  prepare(folder: string, run: Pick<ScriptRun, "signal" | "log">): Promise<void>;
  /**
   * Runs install.sh to its end. What it started in the background is ended with it.
   *
   * @throws PluginError SCRIPT_FAILED with the exit status and the last lines; the signal's reason if that is a
   *   PluginError
   */
  run(run: ScriptRun): Promise<ScriptOutcome>;
}

/**
 * Where the engine's folders are, all absolute: scripts that were written for the original take the first, and where it is
 * missing `cp x $KuiperBaseKey/etc/sources/` writes into the system's /etc.
 */
export function engineVariables(base: string, etc: string, plugins: string): Readonly<Record<string, string>> {
  return { KuiperBaseKey: base, KUIPER_ETC: etc, KUIPER_PLUGINS: plugins };
}

export function createScriptRunner({ config, env, variables = {} }: ScriptRunnerOptions): ScriptRunner {
  const environment = { ...scriptEnvironment(env), ...variables };
  const limits = createLimits(config, environment);
  const groups = new ProcessGroups();

  function assertAllowed(): void {
    if (!config.enabled) throw failure("install.sh is forbidden by installScript.enabled");
  }

  const prepare: ScriptRunner["prepare"] = (folder, run) => prepareScripts(folder, config, run);

  async function run({ folder, args, signal, log, onOutput }: ScriptRun): Promise<ScriptOutcome> {
    assertAllowed();
    if (args.some((arg) => arg.includes("\0"))) throw cannotStart("a shell parameter has a NUL character");
    const prefix = await limits(log);
    if (signal.aborted) throw cancellation(signal);

    const command = [...prefix, "/bin/sh", join(folder, SCRIPT), ...args] as [string, ...string[]];
    const output = new ScriptOutput(log, config);
    const tooLong = `install.sh was ended after ${config.timeoutSeconds} s (installScript.timeoutSeconds)`;
    const start = performance.now();
    using deadline = new Deadline(signal, config.timeoutSeconds * 1000, () => failure(tooLong));
    let end: ProcessEnd | undefined;
    try {
      const take = (chunk: Uint8Array) => {
        onOutput?.(chunk);
        return output.take(chunk);
      };
      end = await groups.run({ command, folder, env: environment, signal: deadline.signal, onOutput: take });
    } catch (cause) {
      if (!deadline.signal.aborted) throw startFailure(cause);
    } finally {
      output.end();
    }
    if (signal.aborted) throw cancellation(signal);
    if (end === undefined || end.wasAborted) throw failure(withLastLines(tooLong, output, config));

    const durationMs = Math.round(performance.now() - start);
    const message = exitMessage(end);
    log.debug({ durationMs, outputBytes: output.bytes }, `install.sh ended: ${message ?? "success"}`);
    if (message !== undefined) throw failure(withLastLines(`install.sh failed: ${message}`, output, config));
    return { durationMs, lastLines: output.lastLines(), outputBytes: output.bytes };
  }

  return { assertAllowed, prepare, run };
}

const STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a script needs to reach the network as the server does. */
const PASSED_ON: readonly string[] = [
  "HOME",
  "LOGNAME",
  "TMPDIR",
  "TZ",
  "USER",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  ...["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]),
];

/** The whole environment of install.sh: the server's own has secrets. */
function scriptEnvironment(env: Environment): Record<string, string> {
  const passed = PASSED_ON.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  const fixed = { HOME: "/", LANG: "C.UTF-8", TERM: "dumb", PATH: env.PATH || STANDARD_PATH };
  return { ...fixed, ...Object.fromEntries(passed) };
}

function failure(message: string, cause?: unknown): PluginError {
  return new PluginError("SCRIPT_FAILED", message, { cause });
}

function withLastLines(message: string, output: ScriptOutput, { replyLines }: Config["installScript"]): string {
  if (replyLines === 0) return message;
  const lines = output.lastLines();
  if (lines.length === 0) return `${message}: install.sh printed nothing`;
  return `${message}: the last output of install.sh was: ${lines.join(" | ")}`;
}

function cannotStart(reason: string, cause?: unknown): PluginError {
  return failure(`install.sh cannot be started: ${reason}`, cause);
}

const START_ERRORS = ["ENOENT", "ENOTDIR", "EACCES", "EAGAIN", "ENOMEM", "EMFILE", "ENFILE"];

/** What a client gets for an error of the system; any other error as it is. */
function startFailure(cause: unknown): unknown {
  if (hasCode(cause, "E2BIG")) return cannotStart("the shell parameters are too long for the system", cause);
  return hasCode(cause, ...START_ERRORS) ? cannotStart(systemMessage(cause), cause) : cause;
}

function cancellation({ reason }: AbortSignal): PluginError {
  return reason instanceof PluginError ? reason : failure("install.sh was cancelled", reason);
}

/** Go's messages, which the original's users know. */
const SIGNAL_MESSAGES: Readonly<Record<string, string>> = {
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

/** The setting that makes the system send a signal. */
const LIMIT_OF_SIGNAL: Readonly<Record<string, string>> = {
  SIGXCPU: "installScript.maxCpuSeconds",
  SIGXFSZ: "installScript.maxFileBytes",
};

/** How a process ended, or undefined when it succeeded: `exit status 3`, `signal: killed`. */
function exitMessage({ exitCode, signal }: ProcessEnd): string | undefined {
  if (exitCode === 0) return undefined;
  if (signal !== null) return withRemark(`signal: ${SIGNAL_MESSAGES[signal] ?? signal}`, LIMIT_OF_SIGNAL[signal]);
  // A shell reports a command that was ended by a signal as 128 plus the signal's number.
  const [inner = ""] = Object.entries(constants.signals).find(([, number]) => number + 128 === exitCode) ?? [];
  const limit = LIMIT_OF_SIGNAL[inner];
  return withRemark(`exit status ${exitCode}`, limit && `${SIGNAL_MESSAGES[inner]}, ${limit}`);
}

function withRemark(message: string, remark: string | undefined): string {
  return remark === undefined ? message : `${message} (${remark})`;
}
