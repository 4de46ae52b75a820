import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import { checkExportedFunctions } from "../../domain/install-request.ts";
import { checkPluginName, functionOf } from "../../domain/names.ts";
import { parseSoFileName } from "../../domain/plugin.ts";
import type { Verified } from "../../domain/plugin-entry.ts";
import type { Inspector } from "../../inspect/inspector.ts";
import { sha256OfFile } from "../../lib/files.ts";
import type { ScriptRunner } from "../../package/script/install-script.ts";
import { PREDICATE_TYPE, type StatedSubject } from "../../package/trust/statement.ts";
import type { Trust } from "../../package/trust/trust.ts";
import { engineFunctions } from "../../plugins/engine-functions.ts";
import { unregisteredFunctions } from "../../plugins/function-names.ts";
import { inspectZip } from "../../plugins/inspect-package.ts";
import type { InspectionReport } from "../../plugins/inspection-report.ts";
import type { CompatibilityCheck } from "../../plugins/verdicts/compatibility-check.ts";
import type { InspectArguments } from "./arguments.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { identifyIn, partsWithoutServer, throwCause } from "./without-server.ts";

/** What the inspection of a file reports. Only a zip has a script, a sha256 and bytes. */
interface FileReport
  extends Pick<InspectionReport, "name" | "version" | "verdict" | "problems" | "plugin" | "engine">,
    Partial<
      Pick<InspectionReport, "type" | "engineFunctions" | "script" | "scriptText" | "sha256" | "bytes" | "verified">
    > {
  readonly file: string;
  /** Functions that are exported and not requested; only for function plugins. */
  readonly unregistered: readonly string[];
}

interface InspectFileOptions {
  readonly inspector: Inspector;
  readonly limits: Config["pluginPackage"];
  readonly scripts: Pick<ScriptRunner, "prepare">;
  readonly trust: Trust;
  /** Ends it; its reason is thrown. */
  readonly signal: AbortSignal;
}

/**
 * Inspects a plugin's .so, or the one in its zip, which is checked as an install would check it. install.sh is not run.
 *
 * @throws PluginError with what is wrong with the file or the zip; the system's error when the file can't be read; the
 *   signal's reason
 */
export async function inspectFile(args: InspectArguments, options: InspectFileOptions): Promise<FileReport> {
  const bytes = await regularFileSize(args.file);
  const own = partsWithoutServer(options);
  return args.file.endsWith(".so")
    ? await inspectSo(args, own.parts.check, options.signal)
    : await inspectLocalZip(args, bytes, own, options);
}

async function inspectSo(args: InspectArguments, check: CompatibilityCheck, signal: AbortSignal): Promise<FileReport> {
  const { file } = args;
  const soFile = parseSoFileName(basename(file));
  const type = args.type ?? (args.functions.length > 0 ? "functions" : "sources"); // matters for the functions alone
  const id = { type, name: checkPluginName(args.name ?? soFile?.name) };
  const functions = checkExportedFunctions(type, args.functions);
  const inspection = await check.inspect(file, id, { functions }, { signal, ...comparison(args) });
  const { verdict, problems, plugin, engineFacts: engine } = inspection;
  const exports = args.type === "functions" ? inspection.exports.map(functionOf) : [];
  const unregistered = unregisteredFunctions(id, { functions, exports });
  const found = engineFunctions(id, { functions }, inspection.functionLookup);
  const report = {
    file,
    name: id.name,
    version: soFile?.version ?? "",
    verdict,
    problems,
    plugin,
    engine,
    unregistered,
  };
  return found === undefined ? report : { ...report, engineFunctions: found };
}

async function inspectLocalZip(
  args: InspectArguments,
  bytes: number,
  own: ReturnType<typeof partsWithoutServer>,
  { scripts, trust, signal }: InspectFileOptions,
): Promise<FileReport> {
  const { file } = args;
  const { run } = own;
  const parts = { ...own.parts, scripts };
  await using folder = await TemporaryFolder.create();
  const { id } = await identifyIn(folder, file, args, own);
  const request = { id, functions: checkExportedFunctions(id.type, args.functions), shellParas: [] };
  const sha256 = await sha256OfFile(file);
  const verified = args.statement && (await proveStatement(args.statement, { id, sha256 }, trust, signal));
  const zip = { file, bytes, sha256, verified: verified || undefined };
  const { report } = await inspectZip({ zip, request, folder, run, parts }, comparison(args)).catch(throwCause);
  return { file, ...report, unregistered: report.unregistered ?? [] };
}

/** @throws PluginError SIGNATURE_INVALID; the system's error when the file can't be read; the signal's reason */
async function proveStatement(
  file: string,
  subject: StatedSubject,
  trust: Trust,
  signal: AbortSignal,
): Promise<Verified> {
  if ((await regularFileSize(file)) > trust.statementLimit.bytes) throw trust.statementLimit.exceeded();
  const proof = await trust.verifyStatement(await readFile(file), subject, signal);
  if (proof !== undefined) return proof;
  throw new PluginError(
    "SIGNATURE_INVALID",
    `${file} is not about a plugin: its predicateType should be ${PREDICATE_TYPE}`,
  );
}

async function regularFileSize(file: string): Promise<number> {
  const stats = await stat(file);
  if (stats.isFile()) return stats.size;
  const what = stats.isDirectory() ? "a directory" : "a device, a pipe or a socket";
  throw new PluginError("ARCHIVE_INVALID", `it is ${what}; name the zip or the .so of a plugin`);
}

/** What the plugin is compared with. */
function comparison({ engine, type, functions }: InspectArguments): {
  readonly engine?: string;
  readonly isTypeGuessed: boolean;
} {
  const isTypeGuessed = type === undefined && functions.length === 0;
  return { isTypeGuessed, ...(engine === undefined ? {} : { engine: resolve(engine) }) };
}

/** A report for people: the verdict first, then what was found, then each problem. */
export function reportText({
  file,
  name,
  version,
  verdict,
  problems,
  plugin,
  engine,
  unregistered,
  engineFunctions: ofEngine,
  verified,
}: FileReport): string {
  const lines = [`${file}: ${verdict}`, `  plugin ${name}${version === "" ? "" : `, version ${version}`}`];
  if (verified?.signature !== undefined) lines.push(`  stated by ${verified.signature.key}`);
  if (plugin !== undefined) {
    const { cpu, libc, glibc, goVersion, packages } = plugin;
    const wants = glibc === "" ? libc : `${libc} ${glibc} or later`;
    const go =
      packages === 0 ? "" : `, with ${goVersion || "a Go version that it does not tell"}, ${packages} packages`;
    lines.push(`  built for ${cpu}, ${wants}${go}`);
  }
  if (engine !== undefined) {
    const { path, goVersion, cpu, libc, trimpath } = engine;
    const build = trimpath === undefined ? "" : trimpath ? ", built with -trimpath" : ", built without -trimpath";
    lines.push(`  engine ${path}: ${cpu}, ${libc}, ${goVersion || "Go version unknown"}${build}`);
  }
  for (const { code, message, packages = [] } of problems) {
    lines.push("", `  ${code}: ${message}`, ...packages.map((path) => `    ${path}`));
  }
  if (ofEngine?.remedy !== undefined) {
    lines.push("", `  functions that the engine will not find: ${ofEngine.missing?.join(", ")}; ${ofEngine.remedy}`);
  }
  if (unregistered.length > 0) lines.push("", `  exported, but not among the functions: ${unregistered.join(", ")}`);
  return `${lines.join("\n")}\n`;
}
