import { open } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import type { Progress } from "../domain/change.ts";
import type { Compatibility } from "../domain/compatibility.ts";
import { PluginError } from "../domain/errors.ts";
import type { InstallRequest, PackageRequest } from "../domain/install-request.ts";
import { type PluginId, pluginKey } from "../domain/plugin.ts";
import type { PluginEntry } from "../domain/plugin-entry.ts";
import type { Downloader } from "../fetch/downloader.ts";
import { OPEN_WITHOUT_WAITING } from "../lib/files.ts";
import type { Log } from "../lib/log.ts";
import { Deadline } from "../lib/signals.ts";
import { enumerate, quoted, quotedWords } from "../lib/text.ts";
import type { Turns } from "../lib/turns.ts";
import { readArchive } from "../package/archive.ts";
import { type PackagePlan, planPackage } from "../package/plan.ts";
import type { ScriptRunner } from "../package/script/install-script.ts";
import { checkStatedVersion } from "../package/trust/statement.ts";
import type { Trust } from "../package/trust/trust.ts";
import { type Staging, type UnpackedFile, unpack, unpackedSo } from "../package/unpack.ts";
import type { ChangeQueue } from "../store/journal/queue.ts";
import type { PluginStore } from "../store/plugin-store.ts";
import type { Activation, ActivationOutcome } from "./activation.ts";
import { type ChangeFacts, ChangeRun, type StageObserver } from "./change-run.ts";
import { refuseDowngrade } from "./downgrade.ts";
import type { FunctionNames } from "./function-names.ts";
import { type FetchedZip, obtainZip, verifyZip } from "./obtain.ts";
import { leaveOutInvalidConfig, withUnplaced } from "./placed-config.ts";
import { runScript } from "./script-stage.ts";
import type { TakenNames } from "./taken-names.ts";
import type { Checked, CompatibilityCheck } from "./verdicts/compatibility-check.ts";

/** What reads a package that is on the disk. */
export interface PackageParts {
  readonly check: CompatibilityCheck;
  readonly limits: Config["pluginPackage"];
  /** Unpacking keeps a processor busy: one at a time, or nothing is left for those who read. */
  readonly unpacking: Turns;
  /** An inspection only looks whether install.sh is one that sh can run. */
  readonly scripts: Pick<ScriptRunner, "prepare">;
}

/** What installs a package. */
export interface PipelineParts extends PackageParts {
  readonly store: PluginStore;
  readonly queue: ChangeQueue;
  readonly names: TakenNames;
  readonly functionNames: FunctionNames;
  readonly downloader: Downloader;
  readonly trust: Trust;
  readonly scripts: ScriptRunner;
  /** Undefined where there is no engine to hand a plugin to, or where that is turned off. */
  readonly activation: Activation | undefined;
}

/** Who follows a change, and can stop it. */
export interface Follower {
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
  readonly onStage?: StageObserver | undefined;
  /** The id of the job that it is, a UUID: recovery knows its files by it. */
  readonly job?: string | undefined;
}

/** What was changed, and whether the engine will load it; undefined where nothing is inspected. */
export interface Changed {
  readonly id: PluginId;
  readonly version: string;
  readonly compatibility: Compatibility | undefined;
  /** Of a first install that was handed to the engine. */
  readonly activation?: ActivationOutcome;
  readonly facts: ChangeFacts;
}

/**
 * Installs a plugin, or puts another version in the place of the installed one, which is kept: wholly or not at all.
 * Nothing of the engine's folders is touched before the last stage.
 *
 * @throws PluginError, StageFailure; nothing has changed then but what install.sh did to the system
 */
export async function installPackage(
  request: InstallRequest,
  action: "install" | "update",
  follower: Follower,
  parts: PipelineParts,
): Promise<Changed> {
  const { id, source, shellParas } = request;
  const { store, names, functionNames, check, scripts } = parts;
  using place = await parts.queue.enter(pluginKey(id), follower.signal, request.heldBytes);
  using run = new ChangeRun({ ...follower, plugin: id, signal: place.signal });
  const old = action === "update" ? await names.requireInstalled(id) : await names.requireFree(id);
  // An update that names no functions keeps those that are registered.
  const registered = action === "update" ? (old?.functions ?? []) : [];
  const functions = request.functions.length > 0 ? request.functions : registered;
  using _claimed = functionNames.claim(id, functions);
  await using work = await store.workspace(id, follower.job);

  const zip = await fetchZip(request, work.zipFile, run, parts);
  const examine = async ({ hasScript, soFile, files }: PackagePlan) => {
    if (parts.trust.required) refuseDowngrade(soFile, old, request);
    if (hasScript) scripts.assertAllowed();
    const targets = files.flatMap(({ place }) => (place.kind === "engine" ? [place.target] : []));
    await store.requirePlaceable(id, targets, old);
  };
  const { plan, so, ...unpacked } = await unpackZip({ zip, request, folder: work, run, parts, examine });
  let { files, facts } = unpacked;
  let printed = "";

  const inspect = (libraries: boolean) =>
    run.stage("inspect", facts, () =>
      check.admit(so.path, id, { functions }, { libraries, isInMemory: true, signal: run.signal, log: run.log }),
    );
  // What the script does to the system can't be undone, so what can be refused before is; but it may bring libraries.
  let checked = await inspect(!plan.hasScript);
  if (plan.hasScript) {
    ({ files, facts, printed } = await runScript(
      unpacked,
      { folder: work.scriptFolder, args: shellParas },
      run,
      parts,
    ));
    checked = await inspect(true);
  }

  const compatibility = check.present(id, checked?.compatibility, { functions });
  const known = { ...facts, verdict: compatibility?.verdict };
  const entry = await run.stage("commit", known, async () => {
    const { files: placed, unplaced } = await leaveOutInvalidConfig(id, files, { limits: parts.limits, log: run.log });
    const added = newEntry({ ...request, functions }, zip, { plan, files: placed, facts }, checked);
    const next = { ...added, ...(unplaced.length > 0 && { unplaced }), change: work.id };
    return store.replace(id, { old, entry: next, files: placed, printed }, work);
  });
  const done = { plugin: id, version: entry.version, origin: source.origin, sha256: zip.sha256, bytes: zip.bytes };
  const from = old === undefined ? {} : { from: old.version };
  const message = action === "install" ? "plugin installed" : "plugin updated";
  run.log.info({ ...done, verified: zip.verified, stages: run.durations, ...from }, message);
  const verdict = withUnplaced(check.present(id, entry.compatibility, { functions }), entry);
  const activation = action === "install" ? await activate(id, entry, run, parts) : undefined;
  return { id, version: entry.version, compatibility: verdict, ...(activation && { activation }), facts: known };
}

/** The install has happened, so nothing here makes it fail. One that was told to stop meanwhile is not handed over. */
async function activate(
  id: PluginId,
  entry: PluginEntry,
  run: ChangeRun,
  { activation }: PipelineParts,
): Promise<ActivationOutcome | undefined> {
  if (activation === undefined) return undefined;
  if (run.signal.aborted) return { state: "restart-required", reason: "the install was told to stop when it was done" };
  return run.afterwards("activate", () => activation.activate(id, entry, run.log));
}

/** A zip that is on the disk, what is requested of it, and where it is unpacked. */
export interface PackageJob {
  readonly zip: FetchedZip;
  readonly request: Pick<InstallRequest, "id" | "functions" | "shellParas">;
  readonly folder: Staging;
  readonly run: ChangeRun;
  readonly parts: PackageParts;
}

/** Gets the zip of a package and proves it, as far as the request and the settings say. @throws StageFailure */
export async function fetchZip(
  request: PackageRequest,
  file: string,
  run: ChangeRun,
  { downloader, trust }: Pick<PipelineParts, "downloader" | "trust">,
): Promise<FetchedZip> {
  return run.stage("download", {}, async () => {
    const zip = await obtainZip(request.source, file, run, downloader);
    return { ...zip, verified: await verifyZip(zip, request, { downloader, trust, signal: run.signal, log: run.log }) };
  });
}

/** A package whose files are in the staging folder, each of them whole. */
interface UnpackedPackage {
  readonly plan: PackagePlan;
  readonly files: readonly UnpackedFile[];
  /** The .so among the files. */
  readonly so: UnpackedFile;
  readonly facts: ChangeFacts;
}

/** @param job.examine the last chance to refuse the zip before anything of it is unpacked */
export async function unpackZip(
  job: PackageJob & { examine?: (plan: PackagePlan) => Promise<void> },
): Promise<UnpackedPackage> {
  const { zip, request, folder, run, parts, examine = async () => {} } = job;
  const { limits, unpacking, scripts } = parts;
  const found = { sha256: zip.sha256, verified: zip.verified };
  await using file = await open(zip.file, OPEN_WITHOUT_WAITING);
  const plan = await run.stage("check", found, async () => {
    const checked = planPackage(await readArchive(file, limits.maxEntries), request.id, limits);
    checkStatedVersion(zip.verified?.statement ?? {}, checked.soFile);
    await examine(checked);
    refuseUselessArguments(checked, request.shellParas);
    warnOfAmbiguous(checked, run);
    return checked;
  });
  const facts = { ...found, version: plan.soFile.version };
  using _turn = await unpacking.enter(run.signal);
  const files = await run.stage("unpack", facts, async () => {
    using deadline = new Deadline(run.signal, limits.unpackTimeoutSeconds * 1000, () => tooSlow(limits));
    const unpacked = await unpack(file, plan, folder, deadline.signal, run);
    if (plan.hasScript) await scripts.prepare(folder.scriptFolder, { signal: deadline.signal, log: run.log });
    return unpacked;
  });
  return { plan, files, so: unpackedSo(plan, files), facts };
}

function warnOfAmbiguous({ hasScript, ambiguous }: PackagePlan, { log }: ChangeRun): void {
  if (!hasScript || ambiguous.length === 0) return;
  const entries = quoted(enumerate(ambiguous));
  log.warn({ entries }, "install.sh does not get entries of which the zip has two with the same name");
}

/** @throws PluginError SCRIPT_ABSENT for arguments that no script would get */
export function refuseUselessArguments(
  { hasScript }: Pick<PackagePlan, "hasScript">,
  shellParas: readonly string[],
): void {
  if (hasScript || shellParas.length === 0) return;
  const given = quotedWords(shellParas);
  throw new PluginError("SCRIPT_ABSENT", `have shell parameters : [${given}] but no install.sh file`);
}

/** For the end of `pluginPackage.unpackTimeoutSeconds`. */
export function tooSlow({ unpackTimeoutSeconds: seconds }: Config["pluginPackage"]): PluginError {
  const message = `unpacking took longer than ${seconds} s (pluginPackage.unpackTimeoutSeconds)`;
  return new PluginError("ARCHIVE_INVALID", message);
}

function newEntry(
  { source, functions }: InstallRequest,
  { sha256, bytes, verified }: FetchedZip,
  { plan, files, facts }: Omit<UnpackedPackage, "so">,
  checked: Checked | undefined,
): PluginEntry {
  // What was proven is that of the zip's files. A rollback under trust.require must not believe it of others.
  const isAsSigned = facts.changedByScript === undefined;
  return {
    version: plan.soFile.version,
    soFile: plan.soFile.fileName,
    files: files.map(({ target, sha256, bytes }) => ({ path: target, sha256, bytes })),
    ...(functions.length > 0 ? { functions } : {}),
    origin: source.origin,
    sha256,
    bytes,
    ...(verified === undefined || !isAsSigned ? {} : { verified }),
    installedAt: new Date().toISOString(),
    ...checked,
  };
}
