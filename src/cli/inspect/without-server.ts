import type { Config } from "../../config/schema.ts";
import type { PluginId } from "../../domain/plugin.ts";
import type { Inspector } from "../../inspect/inspector.ts";
import { SILENT } from "../../lib/log.ts";
import { Turns } from "../../lib/turns.ts";
import type { Staging } from "../../package/unpack.ts";
import { ChangeRun, StageFailure } from "../../plugins/change-run.ts";
import { type Identified, identifyPackage } from "../../plugins/identify-package.ts";
import { CompatibilityCheck } from "../../plugins/verdicts/compatibility-check.ts";

interface Surroundings {
  readonly inspector: Inspector;
  readonly limits: Config["pluginPackage"];
  /** Ends it; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** What the options say of the plugin. */
export interface Named {
  readonly type: PluginId["type"] | undefined;
  readonly name: string | undefined;
}

/**
 * What stands for the server's parts where none runs. Nothing is installed that a plugin could clash with, and nothing is
 * refused for its verdict.
 */
export function partsWithoutServer({ inspector, limits, signal }: Surroundings) {
  const check = new CompatibilityCheck({ inspector, entries: () => new Map(), verify: "warn" });
  return {
    run: new ChangeRun({ plugin: undefined, signal, log: SILENT }),
    parts: { check, limits, unpacking: new Turns() },
  };
}

type OwnParts = ReturnType<typeof partsWithoutServer>;

/** Which plugin a zip is of. @throws PluginError; the system's error when the file can't be read; the signal's reason */
export async function identifyIn(
  folder: Staging,
  file: string,
  { type, name }: Named,
  { run, parts }: OwnParts,
): Promise<Identified> {
  const known = { ...(type && { type }), ...(name !== undefined && { name }) };
  const remedy = "say with --name which plugin it is";
  return identifyPackage(file, { known, remedy, folder, run, parts }).catch(throwCause);
}

/** For `catch()`: a stage is no news on a terminal. */
export function throwCause(error: unknown): never {
  throw error instanceof StageFailure ? error.cause : error;
}
