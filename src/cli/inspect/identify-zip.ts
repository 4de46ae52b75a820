import { loadConfig } from "../../config/load.ts";
import type { PluginId } from "../../domain/plugin.ts";
import { createInspector } from "../../inspect/inspector.ts";
import { SILENT } from "../../lib/log.ts";
import { Turns } from "../../lib/turns.ts";
import { ChangeRun, StageFailure } from "../../plugins/change-run.ts";
import { type Identified, identifyPackage } from "../../plugins/identify-package.ts";
import { CompatibilityCheck } from "../../plugins/verdicts/compatibility-check.ts";
import { Layout } from "../../store/layout.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

interface IdentifyZipOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Its kuiper.yaml has the limits, if it is there. */
  readonly baseFolder: string;
  readonly signal: AbortSignal;
}

/**
 * Which plugin a zip of this machine's is of, as the server would find out.
 *
 * @throws PluginError for what is no zip of one plugin; the system's error when the file can't be read; the signal's reason
 */
export async function identifyZip(
  file: string,
  known: Partial<PluginId>,
  { env, baseFolder, signal }: IdentifyZipOptions,
): Promise<Identified> {
  const { config } = loadConfig(new Layout(baseFolder).configFile, env);
  const inspector = createInspector({ config: config.engine, baseFolder, env });
  const check = new CompatibilityCheck({ inspector, entries: () => new Map(), verify: "warn" });
  const parts = { check, limits: config.pluginPackage, unpacking: new Turns() };
  const run = new ChangeRun({ plugin: undefined, signal, log: SILENT });
  await using folder = await TemporaryFolder.create();
  try {
    return await identifyPackage(file, { known, remedy: "say with --name which plugin it is", folder, run, parts });
  } catch (error) {
    throw error instanceof StageFailure ? error.cause : error;
  }
}
