import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { PluginError } from "../domain/errors.ts";
import { printable } from "../domain/printable.ts";
import { isBelow } from "../install/download/rules.ts";

/** Which binaries a client may name to compare with. */
export interface EngineRules {
  /** `pluginDownload.allowedFolders`; empty allows every file. */
  readonly allowedFolders: readonly string[];
  /** Where relative paths start. What is in it may always be named. */
  readonly baseFolder: string;
}

/**
 * The path of an engine's binary that a client names. What is outside of the allowed folders is refused whether it
 * exists or not, since the answer would tell.
 *
 * @throws PluginError REQUEST_INVALID
 */
export async function checkEnginePath(given: string, { allowedFolders, baseFolder }: EngineRules): Promise<string> {
  const path = resolve(baseFolder, given);
  if (allowedFolders.length === 0) return path;
  const folders = [baseFolder, ...allowedFolders].map((folder) => resolve(baseFolder, folder));
  const real = await realpath(path).catch(() => path);
  const realFolders = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  if (realFolders.some((folder) => isBelow(folder, real))) return real;
  throw new PluginError(
    "REQUEST_INVALID",
    `${printable(given)} is not in a folder of pluginDownload.allowedFolders, nor in the base folder`,
  );
}
