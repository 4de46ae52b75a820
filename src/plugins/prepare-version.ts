import type { Config } from "../config/schema.ts";
import { PluginError, prefixed } from "../domain/errors.ts";
import type { InstallRequest } from "../domain/install-request.ts";
import type { PluginEntry } from "../domain/plugin-entry.ts";
import type { Progress } from "../domain/progress.ts";
import type { Downloader } from "../fetch/downloader.ts";
import type { Log } from "../lib/log.ts";
import type { Turns } from "../lib/turns.ts";
import type { ScriptRunner } from "../package/script/install-script.ts";
import type { Trust } from "../package/trust/trust.ts";
import type { UnpackedFile } from "../package/unpack.ts";
import { refuseUselessArguments, type UnpackedPackage, unpackPackage } from "../package/unpack-package.ts";
import type { Workspace } from "../store/journal/workspace.ts";
import type { AuditedFacts } from "./audit.ts";
import { type Obtained, obtainPackage } from "./obtain.ts";
import type { StageClock } from "./stage-clock.ts";
import type { Checked, CompatibilityCheck } from "./verdicts/compatibility-check.ts";

export interface PrepareOptions {
  readonly downloader: Downloader;
  readonly trust: Trust;
  readonly scripts: ScriptRunner;
  readonly check: CompatibilityCheck;
  readonly limits: Config["pluginPackage"];
  /** For what keeps a processor busy: one after the other. */
  readonly inTurn: Turns;
}

/** A change as it goes on. */
export interface Run {
  /** For the audit: filled in as the change learns it. */
  readonly facts: AuditedFacts;
  readonly stages: StageClock;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** A version of which everything has succeeded but putting its files into place. */
export interface PreparedVersion {
  readonly entry: PluginEntry;
  readonly files: readonly UnpackedFile[];
}

/**
 * Everything that comes before a version is final: obtains its zip, unpacks it into the workspace, looks whether the
 * engine will load it, and runs its script.
 *
 * @throws PluginError with the reason; nothing has changed then but what install.sh did to the system
 */
export async function prepareVersion(
  request: InstallRequest,
  workspace: Workspace,
  run: Run,
  options: PrepareOptions,
): Promise<PreparedVersion> {
  const { id, source, shellParas } = request;
  const { check, scripts } = options;
  const { stages, signal, log, facts } = run;
  const zip = await obtain(request, workspace, run, options);
  // The original reports what is wrong with the zip and with its script in the same words.
  const words = `fail to unzip file ${source.origin}: `;
  const unpacked = await explained(words, signal, () =>
    unpackPackage(workspace.zipFile, id, workspace, {
      ...options,
      stages,
      signal,
      examine(plan) {
        if (plan.hasScript) scripts.assertAllowed();
        refuseUselessArguments(plan, shellParas);
      },
    }),
  );
  facts.version = unpacked.soFile.version;
  const admit = async (libraries: boolean) => {
    const admitted = await stages.time("inspect", () =>
      check.admit(unpacked.stagedSo, id, request, { libraries, isInMemory: true, signal, log }),
    );
    signal.throwIfAborted();
    return admitted;
  };
  // What the script does to the system can't be undone, so what can be refused before is; but it may bring libraries.
  let checked = await admit(!unpacked.hasScript);
  if (unpacked.hasScript) {
    const script = { folder: workspace.scriptFolder, args: shellParas, signal, log };
    await explained(words, signal, () => stages.time("script", () => scripts.run(script)));
    checked = await admit(true);
  }
  facts.verdict = check.amongOthers(id, checked?.compatibility)?.verdict;
  return { entry: newEntry(request, zip, unpacked, checked, workspace), files: unpacked.files };
}

/** Brings the zip into the workspace, and proves of it what the request wants proven. */
export async function obtain(
  request: InstallRequest,
  workspace: Workspace,
  { stages, progress, signal, log, facts }: Run,
  { downloader, trust }: Pick<PrepareOptions, "downloader" | "trust">,
): Promise<Obtained> {
  const zip = await stages.time("download", () =>
    obtainPackage(request, workspace.zipFile, { downloader, trust, signal, log, progress }),
  );
  facts.sha256 = zip.sha256;
  facts.verified = zip.verified;
  return zip;
}

/** Puts words before the sentence of a failure, but for the one with which the change was stopped. */
export async function explained<T>(words: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PluginError && error !== signal.reason ? prefixed(error, words) : error;
  }
}

function newEntry(
  { source, functions }: InstallRequest,
  { sha256, bytes, verified }: Obtained,
  { soFile, files }: UnpackedPackage,
  checked: Checked | undefined,
  workspace: Workspace,
): PluginEntry {
  return {
    version: soFile.version,
    soFile: soFile.fileName,
    files: files.map(({ target, sha256, bytes }) => ({ path: target, sha256, bytes })),
    ...(functions.length > 0 ? { functions } : {}),
    origin: source.origin,
    sha256,
    bytes,
    ...(verified === undefined ? {} : { verified }),
    installedAt: new Date().toISOString(),
    ...checked,
    change: workspace.id,
  };
}
