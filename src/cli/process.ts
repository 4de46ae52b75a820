import { constants } from "node:os";
import { hasCode, systemMessage } from "../lib/errors.ts";
import { EXIT_CODE } from "./arguments.ts";
import { type CommandLineOptions, runCommand } from "./command-line.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs what the arguments ask for as this process: prints, and sets its exit status. A signal ends the command in
 * order, and the process with 128 and the signal's number; a second one ends it at once.
 */
export async function runProcess(
  args: readonly string[],
  options: Pick<CommandLineOptions, "env" | "baseFolder" | "version">,
): Promise<void> {
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(EXIT_CODE.failed); // not Node's 1, which is a verdict
  });
  const ended = new AbortController();
  let endedBy: (typeof SIGNALS)[number] | undefined;
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      endedBy ??= signal;
      ended.abort();
    });
  }
  let isPrinted = true;
  process.stdout.on("error", (error) => {
    if (hasCode(error, "EPIPE")) return; // who reads has read enough, as head does; the status still tells
    isPrinted = false;
    process.exitCode = EXIT_CODE.failed;
    process.stderr.write(`kuiper-plugin-server: can't print: ${systemMessage(error)}\n`);
  });
  process.stderr.on("error", () => {}); // there is nobody left to tell

  const status = await runCommand(args, {
    ...options,
    print: (text) => process.stdout.write(text),
    printError: (text) => endedBy === undefined && process.stderr.write(text),
    signal: ended.signal,
  });
  if (endedBy !== undefined) process.exitCode = 128 + constants.signals[endedBy];
  else if (isPrinted) process.exitCode = status;
}
