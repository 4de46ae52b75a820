import { loadConfig } from "../../config/load.ts";
import { createInspector } from "../../inspect/inspector.ts";
import type { Identified } from "../../plugins/identify-package.ts";
import { Layout } from "../../store/layout.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { identifyIn, type Named, partsWithoutServer } from "./without-server.ts";

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
  known: Named,
  { env, baseFolder, signal }: IdentifyZipOptions,
): Promise<Identified> {
  const { config } = loadConfig(new Layout(baseFolder).configFile, env);
  const inspector = createInspector({ config: config.engine, baseFolder, env });
  const own = partsWithoutServer({ inspector, limits: config.pluginPackage, signal });
  await using folder = await TemporaryFolder.create();
  return await identifyIn(folder, file, known, own);
}
