import { open } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import type { InstallRequest } from "../domain/install-request.ts";
import type { Log } from "../domain/log.ts";
import { printable } from "../domain/printable.ts";
import type { SoFile } from "../domain/so-file.ts";
import { readArchive } from "./package/archive.ts";
import { type PackagePlan, planPackage } from "./package/package-plan.ts";
import { type Staging, type UnpackedFile, unpack } from "./package/unpack.ts";
import type { ScriptRunner } from "./script/script-runner.ts";
import type { StageClock } from "./stage-clock.ts";
import { withTimeLimit } from "./time-limit.ts";

export interface PrepareOptions {
  readonly limits: Config["pluginPackage"];
  readonly scripts: ScriptRunner;
  /** Runs what keeps a processor busy, one after the other. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly stages: StageClock;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** A package of which everything has succeeded but putting its files into place. */
export interface PreparedPackage {
  readonly soFile: SoFile;
  readonly files: readonly UnpackedFile[];
}

/**
 * Checks a zip, unpacks it into the staging folders and runs its script.
 *
 * @throws PluginError with what is wrong with the zip or its script; the file system's error
 */
export async function preparePackage(
  zipFile: string,
  request: InstallRequest,
  staging: Staging,
  { limits, scripts, inTurn, stages, signal, log }: PrepareOptions,
): Promise<PreparedPackage> {
  const zip = await open(zipFile, "r");
  try {
    const plan = await stages.time("check", async () =>
      planPackage(await readArchive(zip, limits.maxEntries), request.id, limits),
    );
    refuseScriptTrouble(plan, request, scripts);
    const files = await inTurn(() =>
      stages.time("unpack", () => {
        const seconds = limits.unpackTimeoutSeconds;
        return withTimeLimit(
          signal,
          seconds * 1000,
          () => tooSlow(seconds),
          (limited) => unpack(zip, plan, staging, limited),
        );
      }),
    );
    if (plan.hasScript) {
      const run = { folder: staging.scriptFolder, args: request.shellParas, signal, log };
      await stages.time("script", () => scripts.run(run));
    }
    return { soFile: plan.soFile, files };
  } finally {
    await zip.close();
  }
}

function refuseScriptTrouble({ hasScript }: PackagePlan, { shellParas }: InstallRequest, scripts: ScriptRunner): void {
  if (hasScript) scripts.assertAllowed();
  if (hasScript || shellParas.length === 0) return;
  const given = printable(shellParas.join(" "));
  throw new PluginError("SCRIPT_ABSENT", `have shell parameters : [${given}] but no install.sh file`);
}

function tooSlow(seconds: number): PluginError {
  return new PluginError(
    "ARCHIVE_INVALID",
    `unpacking took longer than ${seconds} s (pluginPackage.unpackTimeoutSeconds)`,
  );
}
