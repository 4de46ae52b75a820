import { open } from "node:fs/promises";
import { join } from "node:path";
import type { InspectRequest, InstallRequest } from "../domain/install-request.ts";
import { statIfThere } from "../lib/files.ts";
import { mapInParallel } from "../lib/in-parallel.ts";
import type { PackagePlan } from "../package/plan.ts";
import { SCRIPT } from "../package/script/script-text.ts";
import type { Staging } from "../package/unpack.ts";
import type { PluginStore } from "../store/plugin-store.ts";
import { ChangeRun } from "./change-run.ts";
import { identifyPackage } from "./identify-package.ts";
import {
  type InspectionReport,
  type InstallPreview,
  type ReplacingFile,
  reportOf,
  verdictBeforeScript,
} from "./inspection-report.ts";
import { obtainZip, verifyZip } from "./obtain.ts";
import { type Follower, type PackageJob, type PipelineParts, unpackZip } from "./pipeline.ts";
import { leaveOutInvalidConfig, withUnplaced } from "./placed-config.ts";
import { signatureState } from "./signature-state.ts";

/** As much of install.sh as somebody reads before it runs. */
const SCRIPT_TEXT_BYTES = 64 * 1024;

const NAME_IT = 'say in "name" which plugin it is';

/**
 * Does what an install does up to install.sh, which is not run. It takes a place in the queue, since it costs as much,
 * but is no change of that plugin.
 *
 * @throws PluginError, StageFailure, as an install would
 */
export async function inspectPackage(
  request: InspectRequest,
  follower: Follower,
  parts: PipelineParts,
): Promise<InstallPreview> {
  const { store, trust, downloader } = parts;
  const { known, source } = request;
  const { type, name } = known;
  const given = type !== undefined && name !== undefined ? { id: { type, name }, isTypeGuessed: false } : undefined;
  using place = await parts.queue.enter(undefined, follower.signal, request.heldBytes);
  using run = new ChangeRun({ ...follower, plugin: given?.id, signal: place.signal });
  await using work = await store.temporaryWorkspace();
  const obtained = await run.stage("download", {}, () => obtainZip(source, work.zipFile, run, downloader));
  const { id, isTypeGuessed } =
    given ?? (await identifyPackage(obtained.file, { known, remedy: NAME_IT, folder: work, run, parts }));
  const verified = await run.stage("download", {}, () =>
    verifyZip(obtained, { ...request, id }, { downloader, trust, signal: run.signal, log: run.log }),
  );
  const zip = { ...obtained, verified };
  const { report, plan } = await inspectZip({ zip, request: { ...request, id }, folder: work, run, parts });
  await store.notice([id.type]);
  const present = store.get(id);
  return {
    ...report,
    ...(isTypeGuessed ? { typeGuessed: true } : {}),
    files: await replacingFiles(plan, store),
    installed: present === undefined ? null : { version: present.version },
    signature: signatureState(verified, await trust.looksForSignatures()),
  };
}

/**
 * The stages of an inspection once the zip is on the disk; all of them on a build machine, where no server runs.
 *
 * @param options.engine another binary than the configured one to compare with
 * @param options.isTypeGuessed whether a plugin of another type than the request's will do
 */
export async function inspectZip(
  job: PackageJob & { readonly request: Pick<InstallRequest, "id" | "functions" | "shellParas"> },
  options: { readonly engine?: string; readonly isTypeGuessed?: boolean } = {},
): Promise<{ readonly report: InspectionReport; readonly plan: PackagePlan }> {
  const { zip, request, folder, run, parts } = job;
  const { check } = parts;
  const { id } = request;
  const { plan, so, files, facts } = await unpackZip(job);
  const inspection = await run.stage("inspect", facts, () =>
    check.inspect(so.path, id, request, { ...options, signal: run.signal }),
  );
  const found = { ...inspection, ...verdictBeforeScript(inspection, plan.hasScript) };
  const placed = await leaveOutInvalidConfig(id, files, { limits: parts.limits, log: run.log });
  const compatibility = withUnplaced(check.present(id, found, request), placed);
  const scriptText = plan.hasScript ? await startOfScript(folder) : undefined;
  return { report: reportOf(id, request, { zip, plan, inspection, compatibility, scriptText }), plan };
}

/** As sh would get it. */
async function startOfScript({ scriptFolder }: Staging): Promise<string> {
  await using file = await open(join(scriptFolder, SCRIPT));
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SCRIPT_TEXT_BYTES), 0, SCRIPT_TEXT_BYTES);
  return buffer.toString("utf8", 0, bytesRead);
}

async function replacingFiles({ files }: PackagePlan, { layout }: PluginStore): Promise<ReplacingFile[]> {
  const placed = files.flatMap(({ entry, place }) =>
    place.kind === "engine" ? [{ path: place.target, bytes: entry.uncompressedSize }] : [],
  );
  return mapInParallel(placed, async (file) => {
    return { ...file, replaces: (await statIfThere(layout.absolute(file.path))) !== undefined };
  });
}
