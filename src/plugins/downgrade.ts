import { PluginError } from "../domain/errors.ts";
import type { InstallRequest } from "../domain/install-request.ts";
import { compareVersions, namedVersion } from "../domain/versions.ts";

/**
 * Refuses a version that is lower than the installed one, or cannot be compared with it: a signature does not end, so
 * whoever can send requests could bring back an old version with a known hole.
 *
 * @throws PluginError DOWNGRADE_REFUSED unless the request allows it
 */
export function refuseDowngrade(
  next: { readonly version: string },
  installed: { readonly version: string } | undefined,
  { allowDowngrade = false }: Pick<InstallRequest, "allowDowngrade">,
): void {
  if (installed === undefined || allowDowngrade) return;
  const order = compareVersions(next.version, installed.version);
  if (order !== undefined && order >= 0) return;
  const relation = order === undefined ? "cannot be compared with" : "is lower than";
  throw new PluginError(
    "DOWNGRADE_REFUSED",
    `${namedVersion(next.version)} ${relation} the installed ${namedVersion(installed.version)}, and trust.require is set; ` +
      'send "allowDowngrade": true if you want it',
  );
}
