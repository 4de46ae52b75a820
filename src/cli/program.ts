import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { plainValue } from "../lib/environment.ts";
import { systemMessage } from "../lib/errors.ts";
import { quoted } from "../lib/text.ts";
import type { CommandContext } from "./command-context.ts";
import { addAvailable } from "./commands/available.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEngine } from "./commands/engine.ts";
import { addInspect } from "./commands/inspect.ts";
import { addInstall } from "./commands/install.ts";
import { addRemove, addRollback } from "./commands/installed.ts";
import { addJobs } from "./commands/jobs.ts";
import { addList } from "./commands/list.ts";
import { addShow } from "./commands/show.ts";
import { addToken } from "./commands/token.ts";
import { addWatch } from "./commands/watch.ts";
import { translateEngineWords } from "./engine-words.ts";
import { CommandFailure, EXIT_STATUS, usageFailure } from "./failure.ts";
import type { Output } from "./output/output.ts";
import { resolveAddress, type ServerOptions } from "./server/server-address.ts";

export interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  readonly output: Output;
}

const DEFAULT_SERVER = "http://127.0.0.1:9081";
const DEFAULT_TIMEOUT_SECONDS = 30;
const MAX_TIMEOUT_SECONDS = 3600;

const HELP_END = `
Examples:
  kuiper-plugins install ./random.zip
  kuiper-plugins update https://files.example/random.zip --restart
  kuiper-plugins rollback random

Exit status: ${EXIT_STATUS.done} done, ${EXIT_STATUS.failed} refused or failed, ${EXIT_STATUS.usage} wrong usage, ${EXIT_STATUS.unreachable} no server, ${EXIT_STATUS.notFound} not found, ${EXIT_STATUS.notPermitted} token,
${EXIT_STATUS.tryAgain} try again, ${EXIT_STATUS.inUse} in use by rules, ${EXIT_STATUS.cancelled} cancelled, ${EXIT_STATUS.engineWorse} worse after the engine's restart
`;

/** In the order of the help: looking, changing, the engine, what needs no server. */
const COMMANDS = [
  ...[addList, addShow, addAvailable],
  ...[addInstall, addRollback, addRemove],
  ...[addJobs, addWatch, addEngine],
  ...[addInspect, addDoctor, addToken, addCompletion],
];

/** The commands with their options. `exitWith` is called with the exit status of a command that has one of its own. */
export function createProgram({ env, version, output }: ProgramOptions, exitWith: (status: number) => void): Command {
  const program = new Command("kuiper-plugins")
    .description("Manages the plugins of a Kuiper (eKuiper) engine by way of its plugin server.")
    .version(version, "--version", "print the version")
    .addOption(new Option("--server <url>", "the server").env("KUIPER_PLUGINS_SERVER").default(DEFAULT_SERVER))
    .addOption(new Option("--token-file <file>", "a file with the token").env("KUIPER_PLUGINS_TOKEN_FILE"))
    .addOption(
      new Option("--ca <file>", "a file with the authority of the server's certificate").env("KUIPER_PLUGINS_CA"),
    )
    .addOption(
      new Option("--timeout <seconds>", "how long the server may take to answer; a change takes as long as it takes")
        .default(DEFAULT_TIMEOUT_SECONDS)
        .argParser(secondsOf),
    )
    .option("--json", "print the result as one JSON document")
    .configureHelp({ showGlobalOptions: true })
    .addHelpText("after", HELP_END)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "kuiper-plugins: ")) })
    .exitOverride()
    .hook("preAction", () => {
      output.isJson = program.opts().json === true;
    });
  const context: CommandContext = {
    output,
    env,
    version,
    baseFolder: resolve(plainValue(env.KuiperBaseKey ?? "")),
    exitWith,
    async connect() {
      const { ServerClient } = await import("./server/server-client.ts");
      const options = program.opts<ServerOptions>();
      const server = plainValue(options.server) || DEFAULT_SERVER; // an empty variable is as none
      return ServerClient.create(await resolveAddress({ ...options, server }));
    },
  };
  for (const add of COMMANDS) add(program, context);
  return program;
}

/** Runs what the arguments ask for, and prints what goes wrong. Resolves to the exit status. */
export async function runProgram(args: readonly string[], options: ProgramOptions): Promise<number> {
  const { output } = options;
  let status: number = EXIT_STATUS.done;
  const program = createProgram(options, (own) => {
    status = own;
  });
  try {
    await program.parseAsync(translated(args, program, output), { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return usageStatus(error);
    if (!(error instanceof CommandFailure)) throw error;
    const { code, message, exitStatus } = error;
    if (exitStatus < 128) output.json({ error: code, message, exitStatus });
    output.note(`kuiper-plugins: ${message}`);
    return exitStatus;
  }
}

function translated(args: readonly string[], program: Command, output: Output): string[] {
  const valued = program.options.filter(({ required }) => required).map(({ long }) => long);
  const translation = translateEngineWords(args, { takesValue: (one) => valued.includes(one), readFile });
  if (translation === undefined) return [...args];
  output.note(`the same as: ${translation.shown}`);
  return [...translation.args];
}

function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw usageFailure(`${quoted(file)} can't be read: ${systemMessage(error)}`);
  }
}

/** commander has printed the sentence, and ends with 1; what `inspect` says with 1 and 2 is a verdict. */
function usageStatus({ exitCode }: CommanderError): number {
  return exitCode === 1 ? EXIT_STATUS.usage : exitCode;
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS) return seconds;
  throw new InvalidArgumentError(`It should be a number up to ${MAX_TIMEOUT_SECONDS}.`);
}
