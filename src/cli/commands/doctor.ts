import { statSync } from "node:fs";
import { resolve } from "node:path";
import { quoted } from "../../lib/text.ts";
import type { AddCommand, CommandContext } from "../command-context.ts";
import { DOCTOR_STATUS, reportFindings, statusOf } from "../doctor-report.ts";
import type { ServerOptions } from "../server/server-address.ts";

interface DoctorOptions {
  readonly base?: string;
  readonly offline?: boolean;
}

const STATUSES = `
Exit status: ${DOCTOR_STATUS.ok} all is well, ${DOCTOR_STATUS.failure} something fails, ${DOCTOR_STATUS.warning} there are only warnings, ${DOCTOR_STATUS.unused} nothing could be looked at
`;

/** `doctor`: what is wrong with the folders, the settings and what surrounds them, and what to do about each. */
export const addDoctor: AddCommand = (program, context) => {
  const { output, exitWith } = context;
  program
    .command("doctor")
    .description("look at what can go wrong, and say what to do; works without a running server, and changes nothing")
    .option("--base <folder>", "the base folder; without it KuiperBaseKey, or the current folder")
    .option("--offline", "do not ask plugin hosts")
    .addHelpText("after", STATUSES)
    .action(async (options: DoctorOptions) => {
      const { tokenFile } = program.opts<ServerOptions>(); // here a token to look at
      const { ConfigError } = await import("../../config/load.ts");
      try {
        exitWith(await examine({ ...options, tokenFile }, context));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        output.note(`kuiper-plugins: ${error.message}`);
        exitWith(DOCTOR_STATUS.unused);
      }
    });
};

/** @returns the exit status @throws ConfigError for a KuiperBaseKey that has two meanings */
async function examine(
  { base: given, offline, tokenFile }: DoctorOptions & { readonly tokenFile: string | undefined },
  { env, version, output }: CommandContext,
): Promise<number> {
  // Here, since other commands do without them.
  const { plainVariable } = await import("../../config/load.ts");
  const { diagnose } = await import("../../doctor/diagnose.ts");
  const base = resolve(given ?? plainVariable("KuiperBaseKey", env.KuiperBaseKey ?? ""));
  const notBefore = statSync(process.argv[1] ?? "", { throwIfNoEntry: false })?.mtime; // of this program's file
  const { signal } = new AbortController(); // a Ctrl-C ends the process: there is nothing to undo
  const findings = [];
  for await (const finding of diagnose({ base, env, version, tokenFile, offline, notBefore, signal })) {
    findings.push(finding);
  }
  const status = statusOf(findings);
  output.document({ base, version, status, findings }, reportFindings(quoted(base), findings));
  return status;
}
