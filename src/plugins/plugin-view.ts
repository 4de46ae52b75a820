import type { Compatibility, Verdict } from "../domain/compatibility.ts";
import { type PluginId, type PluginType, pluginKey } from "../domain/plugin.ts";
import type { KeptVersion, PluginEntry, PluginVersion } from "../domain/plugin-entry.ts";
import { type EngineFunctions, engineFunctions } from "./engine-functions.ts";
import { unregisteredFunctions } from "./function-names.ts";
import { type SignatureState, signatureState } from "./signature-state.ts";
import { reasonOf } from "./verdicts/compatibility-check.ts";

/** A plugin as clients see it. */
export type PluginDescription = { readonly name: string } & Omit<PluginVersion, "exports" | "installLog"> & {
    /** Where what its install.sh printed can be read; absent where it printed nothing. */
    readonly log?: string;
    readonly compatibility?: Compatibility;
    /** Functions that a function plugin exports and that are not registered. */
    readonly unregistered?: readonly string[];
    /** Which functions of a function plugin the engine finds by itself, where that is known. */
    readonly engineFunctions?: EngineFunctions;
  };

/** A plugin in the list of everything. */
export interface PluginSummary {
  readonly type: PluginType;
  readonly name: string;
  readonly version: string;
  readonly origin: string | null;
  readonly signature: SignatureState;
  /** null where `engine.verify` is `off`. */
  readonly verdict: Verdict | null;
  /** Why, where the verdict is not `compatible`. */
  readonly reason?: string;
}

/** A version of a plugin that is installed, or that a rollback can bring back. */
export type VersionDescription = Omit<PluginVersion, "exports" | "installLog"> & {
  readonly id: string;
  readonly current: boolean;
};

/** @param compatibility its present verdict; undefined where `engine.verify` is `off` */
export function describePlugin(
  id: PluginId,
  entry: PluginEntry,
  compatibility: Compatibility | undefined,
): PluginDescription {
  const { version, change: _, changedAt: __, versions: ___, exports: ____, compatibility: _____, ...shown } = entry;
  const { displaced: ______, installLog, ...rest } = shown;
  const unregistered = unregisteredFunctions(id, entry);
  const found = engineFunctions(id, entry, entry.compatibility?.functionLookup);
  return {
    name: id.name,
    version,
    ...rest,
    ...(installLog === undefined ? {} : { log: `/plugins/${pluginKey(id)}/log` }),
    ...(compatibility === undefined ? {} : { compatibility: toCompatibility(compatibility) }),
    ...(unregistered.length > 0 ? { unregistered } : {}),
    ...(compatibility === undefined || found === undefined ? {} : { engineFunctions: found }),
  };
}

export function summarisePlugin(
  { type, name }: PluginId,
  { version, origin, verified }: PluginEntry,
  {
    compatibility,
    isSignatureAsked,
  }: { readonly compatibility: Compatibility | undefined; readonly isSignatureAsked: boolean },
): PluginSummary {
  const reason = compatibility && reasonOf(compatibility);
  return {
    type,
    name,
    version,
    origin: origin ?? null,
    signature: signatureState(verified, isSignatureAsked),
    verdict: compatibility?.verdict ?? null,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** The installed version first, then those before it. */
export function describeVersions(entry: PluginEntry, currentId: string): VersionDescription[] {
  const { change: _, changedAt: __, versions = [], compatibility: ___, displaced: ____, ...current } = entry;
  return [
    describeVersion({ ...current, id: currentId }, true),
    ...versions.map((version) => describeVersion(version, false)),
  ];
}

function describeVersion(kept: KeptVersion, current: boolean): VersionDescription {
  const { version, id, exports: _, installLog: __, ...rest } = kept;
  return { version, id, current, ...rest };
}

/** Without `basis` and `identity`. */
function toCompatibility({ verdict, problems }: Compatibility): Compatibility {
  return { verdict, problems };
}
