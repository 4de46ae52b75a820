import { constants } from "node:os";
import { loadConfig } from "../../config/load.ts";
import { PluginError, prefixed } from "../../domain/errors.ts";
import { createInspector } from "../../inspect/inspector.ts";
import { systemMessage } from "../../lib/errors.ts";
import { SILENT } from "../../lib/log.ts";
import { createScriptRunner } from "../../package/script/install-script.ts";
import { createTrust } from "../../package/trust/trust.ts";
import { Layout } from "../../store/layout.ts";
import { watchStandardStreams } from "../output/standard-streams.ts";
import { EXIT_CODE, type InspectArguments, parseInspectArguments, USAGE, UsageError } from "./arguments.ts";
import { inspectFile, reportText } from "./inspect-file.ts";

export interface CommandLineOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly baseFolder: string;
  readonly version: string;
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
  /** Ends the command; nothing that it made is left then. */
  readonly signal: AbortSignal;
}

/**
 * Runs what the arguments ask for.
 *
 * @returns the exit status
 */
export async function runCommand([command, ...args]: readonly string[], options: CommandLineOptions): Promise<number> {
  const { print, printError, version } = options;
  if (command === "--version") {
    print(`${version}\n`);
    return 0;
  }
  if (command === "--help" || command === "-h" || (command === "inspect" && args.includes("--help"))) {
    print(USAGE);
    return 0;
  }
  try {
    if (command === "inspect") return await inspect(parseInspectArguments(args), options);
    throw new UsageError(`there is no command ${command}`);
  } catch (error) {
    const hint = error instanceof UsageError ? `\n\n${USAGE}` : "\n";
    printError(`kuiper-plugin-server: ${messageOf(error)}${hint}`);
    return EXIT_CODE.failed;
  }
}

/**
 * Inspects a file, and prints the report.
 *
 * @returns the exit status
 * @throws PluginError; ConfigError; the system's error; the signal's reason
 */
export async function inspect(
  parsed: InspectArguments,
  { env, baseFolder, print, signal }: Pick<CommandLineOptions, "env" | "baseFolder" | "print" | "signal">,
): Promise<number> {
  const { config } = loadConfig(new Layout(baseFolder).configFile, env);
  const layout = new Layout(baseFolder, config.folders);
  const inspector = createInspector({ config: config.engine, baseFolder, env });
  const trust = createTrust({ folder: layout.trustFolder, config: config.trust, log: SILENT });
  const scripts = createScriptRunner({ config: config.installScript, env });
  const parts = { inspector, limits: config.pluginPackage, scripts, trust, signal };
  const report = await inspectFile(parsed, parts).catch((error) => {
    throw error instanceof PluginError ? prefixed(error, `${parsed.file}: `) : error;
  });
  print(parsed.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  return EXIT_CODE[report.verdict];
}

/** One line about a failed inspection. */
export function messageOf(error: unknown): string {
  if (error instanceof PluginError || error instanceof UsageError) return error.message;
  const path = error instanceof Error && "path" in error ? String(error.path) : undefined;
  return path === undefined ? (error as Error).message : `${path}: ${systemMessage(error)}`;
}

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
    process.exit(EXIT_CODE.failed); // not 1, which is a verdict
  });
  const ended = new AbortController();
  let endedBy: (typeof SIGNALS)[number] | undefined;
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      endedBy ??= signal;
      ended.abort();
    });
  }
  const endWith = watchStandardStreams("kuiper-plugin-server", EXIT_CODE.failed);
  const status = await runCommand(args, {
    ...options,
    print: (text) => process.stdout.write(text),
    printError: (text) => endedBy === undefined && process.stderr.write(text),
    signal: ended.signal,
  });
  if (endedBy !== undefined) process.exitCode = 128 + constants.signals[endedBy];
  else endWith(status);
}
