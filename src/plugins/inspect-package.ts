import type { Compatibility } from "../domain/compatibility.ts";
import type { InstallRequest } from "../domain/install-request.ts";
import { functionOf } from "../domain/names.ts";
import type { Verified } from "../domain/plugin-entry.ts";
import type { Inspection } from "../inspect/inspector.ts";
import { refuseUselessArguments, unpackPackage } from "../package/unpack-package.ts";
import type { Workspace } from "../store/journal/workspace.ts";
import { unregisteredFunctions } from "./function-names.ts";
import { explained, obtain, type PrepareOptions, type Run } from "./prepare-version.ts";

/** What an install of a zip would find, without anything being installed. */
export interface InspectionReport extends Compatibility {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly verified?: Verified;
  /** Whether there is an install.sh. It was not run. */
  readonly script: boolean;
  /** What a function plugin exports and the request does not register. */
  readonly unregistered?: readonly string[];
  readonly plugin: Inspection["plugin"];
  readonly engine: Inspection["engineFacts"];
}

/**
 * Does what an install does up to install.sh, which is not run: obtains the zip, checks and unpacks it, and compares
 * the .so with the engine.
 *
 * @throws PluginError as an install would
 */
export async function inspectPackage(
  request: InstallRequest,
  workspace: Workspace,
  run: Run,
  options: PrepareOptions,
): Promise<InspectionReport> {
  const { id, source, shellParas } = request;
  const { stages, signal } = run;
  const { sha256, bytes, verified } = await obtain(request, workspace, run, options);
  const unpacked = await explained(`fail to unzip file ${source.origin}: `, signal, () =>
    unpackPackage(workspace.zipFile, id, workspace, {
      ...options,
      stages,
      signal,
      examine: (plan) => refuseUselessArguments(plan, shellParas),
    }),
  );
  const { exports, plugin, engineFacts, ...found } = await stages.time("inspect", () =>
    options.check.inspect(unpacked.stagedSo, id, request),
  );
  const own = unpacked.hasScript ? { ...found, ...withScriptToCome(found) } : found;
  const { verdict, problems } = options.check.amongOthers(id, own);
  const unregistered = unregisteredFunctions(id, { ...request, exports: exports.map(functionOf) });
  return {
    name: id.name,
    version: unpacked.soFile.version,
    verdict,
    problems,
    ...(unregistered.length > 0 ? { unregistered } : {}),
    script: unpacked.hasScript,
    sha256,
    bytes,
    ...(verified === undefined ? {} : { verified }),
    plugin,
    engine: engineFacts,
  };
}

/** A library that is missing now may be what install.sh brings. */
function withScriptToCome(found: Compatibility): Compatibility {
  const isOpen = found.verdict === "incompatible" && found.problems.every(({ code }) => code === "LIBRARY_MISSING");
  return isOpen ? { ...found, verdict: "unknown" } : found;
}
