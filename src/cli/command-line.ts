import { loadConfig } from "../config/load.ts";
import { PluginError, prefixed } from "../domain/errors.ts";
import { createInspector } from "../inspect/inspector.ts";
import { systemMessage } from "../lib/errors.ts";
import { Layout } from "../store/layout.ts";
import { EXIT_CODE, parseInspectArguments, USAGE, UsageError } from "./arguments.ts";
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
    if (command === "inspect") return await inspect(args, options);
    throw new UsageError(`there is no command ${command}`);
  } catch (error) {
    const hint = error instanceof UsageError ? `\n\n${USAGE}` : "\n";
    printError(`kuiper-plugin-server: ${sentenceOf(error)}${hint}`);
    return EXIT_CODE.failed;
  }
}

async function inspect(
  args: readonly string[],
  { env, baseFolder, print, signal }: CommandLineOptions,
): Promise<number> {
  const parsed = parseInspectArguments(args);
  const { config } = loadConfig(new Layout(baseFolder).configFile, env);
  const inspector = createInspector({ config: config.engine, baseFolder, env });
  const report = await inspectFile(parsed, { inspector, limits: config.pluginPackage, signal }).catch((error) => {
    throw error instanceof PluginError ? prefixed(error, `${parsed.file}: `) : error;
  });
  print(parsed.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  return EXIT_CODE[report.verdict];
}

function sentenceOf(error: unknown): string {
  if (error instanceof PluginError || error instanceof UsageError) return error.message;
  const path = error instanceof Error && "path" in error ? String(error.path) : undefined;
  return path === undefined ? (error as Error).message : `${path}: ${systemMessage(error)}`;
}
