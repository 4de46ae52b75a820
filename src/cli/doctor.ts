import { statSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import { quoted } from "../lib/text.ts";
import { DOCTOR_STATUS, reportFindings, statusOf } from "./doctor-report.ts";

interface DoctorCommandOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Of this program. */
  readonly version: string;
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
  /** Sets the exit status of the process. */
  readonly exit: (status: number) => void;
  /** Ends the command. */
  readonly signal: AbortSignal;
  /** The file of this program: it must be later than its time by now. */
  readonly program?: string | undefined;
}

interface DoctorFlags {
  readonly base?: string;
  readonly tokenFile?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
}

const STATUSES = `
Exit status: ${DOCTOR_STATUS.ok} all is well, ${DOCTOR_STATUS.failure} something fails, ${DOCTOR_STATUS.warning} there are only warnings, ${DOCTOR_STATUS.unused} nothing could be looked at
`;

/** `doctor`: what is wrong with the folders, the settings and what surrounds them, and what to do about each. */
export function doctorCommand(options: DoctorCommandOptions): Command {
  return new Command("doctor")
    .description("look at what can go wrong, and say what to do; works without a running server, and changes nothing")
    .option("--base <folder>", "the base folder; without it KuiperBaseKey, or the current folder")
    .option("--offline", "do not ask plugin hosts")
    .addHelpText("after", STATUSES)
    .action(async (_flags: unknown, command: Command) => {
      const flags = command.optsWithGlobals<DoctorFlags>(); // --token-file (a token to look at) and --json are the program's
      const { ConfigError } = await import("../config/load.ts");
      const status = runDoctor(flags, options).catch((error) => {
        if (!(error instanceof ConfigError)) throw error;
        options.printError(`kuiper-plugins: ${error.message}\n`);
        return DOCTOR_STATUS.unused;
      });
      options.exit(await status);
    });
}

/** @returns the exit status @throws ConfigError for a KuiperBaseKey that has two meanings */
async function runDoctor(flags: DoctorFlags, options: DoctorCommandOptions): Promise<number> {
  const { env, version, print, signal, program } = options;
  // Here, since other commands do without them.
  const { plainVariable } = await import("../config/load.ts");
  const { diagnose } = await import("../doctor/diagnose.ts");
  const base = resolve(flags.base ?? plainVariable("KuiperBaseKey", env.KuiperBaseKey ?? ""));
  const { tokenFile, offline } = flags;
  const notBefore = program === undefined ? undefined : timeOf(program);
  const findings = [];
  for await (const finding of diagnose({ base, env, version, tokenFile, offline, notBefore, signal })) {
    findings.push(finding);
  }
  const status = statusOf(findings);
  const summary = { base, version, status };
  print(flags.json ? `${JSON.stringify({ ...summary, findings }, null, 2)}\n` : reportFindings(quoted(base), findings));
  return status;
}

function timeOf(program: string): Date | undefined {
  return statSync(program, { throwIfNoEntry: false })?.mtime;
}
