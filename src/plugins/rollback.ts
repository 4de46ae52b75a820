import { PluginError } from "../domain/errors.ts";
import { type PluginId, pluginKey } from "../domain/plugin.ts";
import type { PluginVersion } from "../domain/plugin-entry.ts";
import { namedVersion } from "../domain/versions.ts";
import type { Trust } from "../package/trust/trust.ts";
import { findVersion, type WantedVersion } from "../store/versions/version-list.ts";
import { ChangeRun } from "./change-run.ts";
import type { Changed, Follower, PipelineParts } from "./pipeline.ts";
import { withUnplaced } from "./placed-config.ts";

/**
 * Brings an earlier version back from what is kept; the present one is kept in its place. install.sh is not run.
 *
 * @throws PluginError PLUGIN_NOT_FOUND, VERSION_NOT_FOUND, or with the reason, StageFailure; nothing has changed then
 */
export async function rollBack(
  id: PluginId,
  wanted: WantedVersion,
  follower: Follower,
  { queue, store, names, functionNames, trust, check }: PipelineParts,
): Promise<Changed> {
  using place = await queue.enter(pluginKey(id), follower.signal);
  using run = new ChangeRun({ ...follower, plugin: id, signal: place.signal });
  const present = await names.requireInstalled(id);
  const target = findVersion(present, wanted);
  const { version, sha256, origin, verified, functions = [] } = target;
  const facts = { version, sha256, origin, verified };
  const checked = await run.stage("inspect", facts, async () => {
    if (trust.required) await refuseUntrusted(target, trust);
    const so = await store.keptSoFile(id, target);
    return check.admit(so, id, target, { libraries: true, signal: run.signal, log: run.log });
  });
  using _claimed = functionNames.claim(id, functions);
  await using work = await store.workspace(id, follower.job);
  const known = { ...facts, verdict: check.present(id, checked?.compatibility, { functions })?.verdict };
  const entry = await run.stage("commit", known, () => store.restore(id, present, target, { ...checked }, work));
  run.log.info({ plugin: id, version: entry.version, from: present.version }, "plugin rolled back");
  const compatibility = withUnplaced(check.present(id, entry.compatibility, { functions }), entry);
  return { id, version: entry.version, compatibility, facts: known };
}

/**
 * Refuses to bring a version back that would not be installed now. Its zip is gone, so what was proven of it when it
 * was installed counts, as long as the key is still trusted.
 *
 * @throws PluginError SIGNATURE_REQUIRED, or STORAGE_FAILED when the keys can't be read
 */
async function refuseUntrusted({ version, verified }: PluginVersion, trust: Trust): Promise<void> {
  const signature = verified?.signature;
  const isBare = signature !== undefined && verified?.statement === undefined;
  const which = namedVersion(version, "the ");
  if (signature === undefined) throw untrusted(`${which} was installed without a signature`);
  const { key, fingerprint } = signature;
  if (trust.statementRequired && isBare) throw untrusted(`${which} was installed without a signed statement`);
  if (await trust.isTrusted(fingerprint)) return;
  throw untrusted(`${which} was signed by a key that is no longer in etc/trust (then called ${key})`);
}

function untrusted(reason: string): PluginError {
  return new PluginError("SIGNATURE_REQUIRED", `${reason}, and trust.require is set; install a signed zip with PUT`);
}
