import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import { functionOf, symbolOf } from "../domain/function-name.ts";
import { checkPluginName } from "../domain/name.ts";
import type { PluginId, PluginType } from "../domain/plugin.ts";
import { UNWATCHED } from "../domain/progress.ts";
import { parseSoFileName } from "../domain/so-file.ts";
import type { Inspection, Inspector } from "../inspect/inspector.ts";
import { readArchive } from "../install/package/archive.ts";
import { planPackage } from "../install/package/package-plan.ts";
import { type Staging, unpack } from "../install/package/unpack.ts";
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
}

/**
 * Inspects a plugin's .so, or the one in its zip, which is checked as an install would check it. install.sh is not run.
 *
 * @throws PluginError with what is wrong with the zip; the system's error when the file can't be read
 */
export async function inspectFile(args: InspectArguments, options: InspectFileOptions): Promise<FileReport> {
  if (args.file.endsWith(".so")) return inspectSo(args.file, basename(args.file), args, options.inspector);
  const folder = await mkdtemp(join(tmpdir(), "inspect-"));
  try {
    const { soFile, path, type } = await unpackZip(args, folder, options.limits);
    return await inspectSo(path, soFile, { ...args, type: args.type ?? type }, options.inspector);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function inspectSo(
  path: string,
  fileName: string,
  { file, name: given, type, functions, engine: binary }: InspectArguments,
  inspector: Inspector,
): Promise<FileReport> {
  const parsed = parseSoFileName(fileName);
  const name = checkPluginName(given ?? parsed?.name);
  const registered = functions.length > 0 ? functions : [name];
  const engine = binary === undefined ? {} : { engine: resolve(binary) };
  const { verdict, problems, plugin, engineFacts, exports } = await inspector.inspect(
    path,
    registered.map(symbolOf),
    engine,
  );
  const unregistered = type === "functions" ? exports.map(functionOf).filter((one) => !registered.includes(one)) : [];
  return { file, name, version: parsed?.version ?? "", verdict, problems, plugin, engine: engineFacts, unregistered };
}

async function unpackZip(args: InspectArguments, folder: string, limits: Config["pluginPackage"]) {
  const zip = await open(args.file, "r");
  try {
    const archive = await readArchive(zip, limits.maxEntries);
    const names = archive.entries.map(({ rawName }) => rawName.toString("utf8"));
    const id = identify(names, args);
    const plan = planPackage(archive, id, limits);
    const signal = AbortSignal.timeout(limits.unpackTimeoutSeconds * 1000);
    const files = await unpack(zip, plan, stagingIn(folder), signal, UNWATCHED);
    const so = files.find(({ target }) => target.endsWith(`/${plan.soFile.fileName}`));
    if (so === undefined) throw new Error("a plan without a .so");
    return { soFile: plan.soFile.fileName, path: so.path, type: id.type };
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
