import { constants } from "node:fs";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import { checkPluginName, functionOf, symbolOf } from "../domain/names.ts";
import type { PluginId, PluginType } from "../domain/plugin.ts";
import { UNWATCHED } from "../domain/progress.ts";
import { parseSoFileName } from "../domain/so-file.ts";
import type { Inspection, Inspector } from "../inspect/inspector.ts";
import { readArchive } from "../package/archive.ts";
import { planPackage } from "../package/plan.ts";
import { type Staging, unpack, unpackedSo } from "../package/unpack.ts";
import type { InspectArguments } from "./inspect-arguments.ts";

/** What an inspection of a file tells, as it is printed. */
export interface FileReport extends Pick<Inspection, "verdict" | "problems" | "plugin"> {
  readonly file: string;
  readonly name: string;
  readonly version: string;
  readonly engine: Inspection["engineFacts"];
  /** Functions that are exported and not named; only for function plugins. */
  readonly unregistered: readonly string[];
}

export interface InspectFileOptions {
  readonly inspector: Inspector;
  readonly limits: Config["pluginPackage"];
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
  await checkRegular(args.file);
  if (args.file.endsWith(".so")) return inspectSo(args.file, basename(args.file), args, options);
  const folder = await mkdtemp(join(tmpdir(), "inspect-"));
  try {
    const { soFile, path, type } = await unpackZip(args, folder, options);
    return await inspectSo(path, soFile, { ...args, type: args.type ?? type }, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkRegular(file: string): Promise<void> {
  const stats = await stat(file);
  if (stats.isFile()) return;
  const what = stats.isDirectory() ? "a directory" : "a device, a pipe or a socket";
  throw new PluginError("ARCHIVE_INVALID", `it is ${what}; name the zip or the .so of a plugin`);
}

async function inspectSo(
  path: string,
  fileName: string,
  { file, name: given, type, functions, engine: binary }: InspectArguments,
  { inspector, signal }: InspectFileOptions,
): Promise<FileReport> {
  const parsed = parseSoFileName(fileName);
  const name = checkPluginName(given ?? parsed?.name);
  const registered = functions.length > 0 ? functions : [name];
  const options = { signal, ...(binary === undefined ? {} : { engine: resolve(binary) }) };
  const { verdict, problems, plugin, engineFacts, exports } = await inspector.inspect(
    path,
    registered.map(symbolOf),
    options,
  );
  const unregistered = type === "functions" ? exports.map(functionOf).filter((one) => !registered.includes(one)) : [];
  return { file, name, version: parsed?.version ?? "", verdict, problems, plugin, engine: engineFacts, unregistered };
}

async function unpackZip(args: InspectArguments, folder: string, { limits, signal: ended }: InspectFileOptions) {
  // Without O_NONBLOCK a FIFO that took the file's place would hang it.
  const zip = await open(args.file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const archive = await readArchive(zip, limits.maxEntries);
    const names = archive.entries.map(({ rawName }) => rawName.toString("utf8"));
    const id = identify(names, args);
    const plan = planPackage(archive, id, limits);
    const signal = AbortSignal.any([ended, AbortSignal.timeout(limits.unpackTimeoutSeconds * 1000)]);
    const files = await unpack(zip, plan, stagingIn(folder), signal, UNWATCHED);
    return { soFile: plan.soFile.fileName, path: unpackedSo(plan, files).path, type: id.type };
  } finally {
    await zip.close();
  }
}

/** Which plugin a zip is of, where the arguments don't say. */
function identify(names: readonly string[], { name: given, type }: InspectArguments): PluginId {
  const name = checkPluginName(given ?? nameOfOnlySo(names));
  return { name, type: type ?? guessType(names, name) };
}

function nameOfOnlySo(names: readonly string[]): string {
  const [only, ...others] = names.filter((name) => !name.includes("/")).flatMap((name) => parseSoFileName(name) ?? []);
  if (only !== undefined && others.length === 0) return only.name;
  const found = only === undefined ? "no .so" : `${others.length + 1} .so files`;
  throw new PluginError("ARCHIVE_INVALID", `the zip has ${found} at its root; say with --name which plugin it is`);
}

/** Only for a source is a yaml required, and the type matters for nothing else here. */
function guessType(names: readonly string[], name: string): PluginType {
  return names.includes(`${name}.yaml`) ? "sources" : "functions";
}

function stagingIn(folder: string): Staging {
  let files = 0;
  return {
    scriptFolder: join(folder, "script"),
    stage() {
      files += 1;
      return { name: String(files), path: join(folder, String(files)) };
    },
  };
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
}: FileReport): string {
  const lines = [`${file}: ${verdict}`, `  plugin ${name}${version === "" ? "" : `, version ${version}`}`];
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
  if (unregistered.length > 0) lines.push("", `  exported, but not among the functions: ${unregistered.join(", ")}`);
  return `${lines.join("\n")}\n`;
}
