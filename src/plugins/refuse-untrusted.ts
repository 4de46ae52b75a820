import { PluginError } from "../domain/errors.ts";
import type { PluginVersion } from "../domain/plugin-entry.ts";
import { printable } from "../lib/text.ts";
import type { Trust } from "../package/trust/trust.ts";

/**
 * Refuses to bring a version back that would not be installed now. Its zip is gone, so what was proven of it when it
 * was installed counts, as long as the key is still trusted.
 *
 * @throws PluginError SIGNATURE_REQUIRED, or STORAGE_FAILED when the keys can't be read
 */
export async function refuseUntrusted({ version, verified }: PluginVersion, trust: Trust): Promise<void> {
  const signature = verified?.signature;
  const which = version === "" ? "the version without a number" : `version ${printable(version)}`;
  if (signature === undefined) throw refusal(`${which} was installed without a signature`);
  const { key, fingerprint } = signature;
  if (await trust.isTrusted(fingerprint)) return;
  throw refusal(`${which} was signed by a key that is no longer in etc/trust (then called ${key})`);
}

function refusal(reason: string): PluginError {
  return new PluginError("SIGNATURE_REQUIRED", `${reason}, and trust.require is set; install a signed zip with PUT`);
}
