import type { Compatibility } from "../domain/compatibility.ts";
import type { InstallRequest } from "../domain/install-request.ts";
import { functionOf } from "../domain/names.ts";
import type { FilePath, PluginId, PluginType } from "../domain/plugin.ts";
import type { Verified } from "../domain/plugin-entry.ts";
import type { Inspection } from "../inspect/inspector.ts";
import type { PackagePlan } from "../package/plan.ts";
import { type EngineFunctions, engineFunctions } from "./engine-functions.ts";
import { unregisteredFunctions } from "./function-names.ts";
import type { FetchedZip } from "./obtain.ts";
import type { SignatureState } from "./signature-state.ts";

/** What an install of a zip would find, without anything being installed. */
export interface InspectionReport extends Compatibility {
  readonly type: PluginType;
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly verified?: Verified;
  /** Whether there is an install.sh. It was not run. */
  readonly script: boolean;
  /** How install.sh begins, or all of it, as sh would get it. */
  readonly scriptText?: string;
  /** What a function plugin exports and the request does not register. */
  readonly unregistered?: readonly string[];
  /** Which functions of a function plugin the engine will find by itself, where that is known. */
  readonly engineFunctions?: EngineFunctions;
  readonly plugin: Inspection["plugin"];
  readonly engine: Inspection["engineFacts"];
}

/** A file that an install would put into place. */
export interface ReplacingFile {
  readonly path: FilePath;
  readonly bytes: number;
  /** Whether there is something of that name now. */
  readonly replaces: boolean;
}

/** The same on this server: what an install, or an update, would do to what is there. */
export interface InstallPreview extends InspectionReport {
  /** Nobody has said the type, and nothing in the zip tells it. */
  readonly typeGuessed?: boolean;
  readonly files: readonly ReplacingFile[];
  /** The plugin of that type and name, if there is one. */
  readonly installed: { readonly version: string } | null;
  readonly signature: SignatureState;
}

interface Inspected {
  readonly zip: FetchedZip;
  readonly plan: PackagePlan;
  readonly inspection: Inspection;
  /** The verdict, the other installed plugins included. */
  readonly compatibility: Compatibility;
  readonly scriptText: string | undefined;
}

export function reportOf(
  id: PluginId,
  request: Pick<InstallRequest, "functions">,
  { zip, plan, inspection, compatibility, scriptText }: Inspected,
): InspectionReport {
  const { verdict, problems } = compatibility;
  const exports = inspection.exports.map(functionOf);
  const unregistered = unregisteredFunctions(id, { ...request, exports });
  const found = engineFunctions(id, request, inspection.functionLookup);
  return {
    type: id.type,
    name: id.name,
    version: plan.soFile.version,
    verdict,
    problems,
    ...(unregistered.length > 0 ? { unregistered } : {}),
    ...(found === undefined ? {} : { engineFunctions: found }),
    script: plan.hasScript,
    ...(scriptText === undefined ? {} : { scriptText }),
    sha256: zip.sha256,
    bytes: zip.bytes,
    ...(zip.verified === undefined ? {} : { verified: zip.verified }),
    plugin: inspection.plugin,
    engine: inspection.engineFacts,
  };
}

/** Before install.sh has run, a library that is missing says nothing: the script may bring it. */
export function verdictBeforeScript({ verdict, problems }: Compatibility, hasScript: boolean): Compatibility {
  const mayComeYet =
    hasScript && verdict === "incompatible" && problems.every(({ code }) => code === "LIBRARY_MISSING");
  return { verdict: mayComeYet ? "unknown" : verdict, problems };
}
