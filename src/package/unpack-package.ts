import { open } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { SoFile } from "../domain/so-file.ts";
import { withTimeLimit } from "../lib/signals.ts";
import { printable } from "../lib/text.ts";
import type { Turns } from "../lib/turns.ts";
import type { StageClock } from "../plugins/stage-clock.ts";
import { readArchive } from "./archive.ts";
import { type PackagePlan, planPackage } from "./plan.ts";
import { type Staging, type UnpackedFile, unpack, unpackedSo } from "./unpack.ts";

export interface UnpackOptions {
  readonly limits: Config["pluginPackage"];
  /** For what keeps a processor busy: one after the other. */
  readonly inTurn: Turns;
  /** Called with what the zip has, before anything is unpacked: the last chance to refuse it. */
  readonly examine: (plan: PackagePlan) => void;
  readonly stages: StageClock;
  readonly signal: AbortSignal;
}

/** A package whose files are in the staging folders, each of them whole. */
export interface UnpackedPackage {
  readonly soFile: SoFile;
  /** Where the .so is now. */
  readonly stagedSo: string;
  readonly files: readonly UnpackedFile[];
  /** Whether there is an install.sh, which is still to be run. */
  readonly hasScript: boolean;
}

/**
 * Checks a zip and unpacks it into the staging folders.
 *
 * @throws PluginError with what is wrong with the zip; the signal's reason; the file system's error
 */
export async function unpackPackage(
  zipFile: string,
  id: PluginId,
  staging: Staging,
  { limits, inTurn, examine, stages, signal }: UnpackOptions,
): Promise<UnpackedPackage> {
  const zip = await open(zipFile, "r");
  try {
    const plan = await stages.time("check", async () =>
      planPackage(await readArchive(zip, limits.maxEntries), id, limits),
    );
    examine(plan);
    const seconds = limits.unpackTimeoutSeconds;
    const tooLate = () => tooSlow(seconds);
    const unpackAll = (limited: AbortSignal) => unpack(zip, plan, staging, limited, stages);
    const files = await inTurn(
      () => stages.time("unpack", () => withTimeLimit(signal, seconds * 1000, tooLate, unpackAll)),
      signal,
    );
    return { soFile: plan.soFile, stagedSo: unpackedSo(plan, files).path, files, hasScript: plan.hasScript };
  } finally {
    await zip.close();
  }
}

/**
 * Refuses arguments that no script would get.
 *
 * @throws PluginError SCRIPT_ABSENT
 */
export function refuseUselessArguments({ hasScript }: PackagePlan, shellParas: readonly string[]): void {
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
