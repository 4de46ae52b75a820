import { PluginError } from "../domain/errors.ts";
import type { FilePath } from "../domain/file-path.ts";
import { type PluginId, pluginKey } from "../domain/plugin.ts";
import type { KeptVersion } from "../domain/plugin-entry.ts";

/** What is kept of a version is not what was installed, so nobody can go back to it. */
export function damagedVersion(id: PluginId, { version }: KeptVersion, path: FilePath): PluginError {
  const which = `what is kept of version ${version} of ${pluginKey(id)}`;
  return new PluginError("STORAGE_FAILED", `${which} is damaged (${path}); install that version from its zip`);
}
