import { constants } from "node:os";
import type { ProcessEnd } from "./process.ts";

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
export function exitWords({ exitCode, signal }: ProcessEnd): string | undefined {
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
