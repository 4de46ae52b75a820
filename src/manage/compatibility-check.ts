import { stat } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import type { Compatibility } from "../domain/compatibility.ts";
import { PluginError } from "../domain/errors.ts";
import { functionOf } from "../domain/function-name.ts";
import type { Log } from "../domain/log.ts";
import type { PluginId, PluginType } from "../domain/plugin.ts";
import type { KnownCompatibility, PluginVersion } from "../domain/plugin-entry.ts";
import type { Inspection, Inspector } from "../inspect/inspector.ts";
import { symbolsWanted, unregisteredFunctions } from "./function-names.ts";

/** What an inspection adds to a plugin's entry. */
export interface Checked {
  readonly compatibility: KnownCompatibility;
  readonly exports?: readonly string[];
}

export interface CompatibilityCheckOptions {
  readonly inspector: Inspector;
  /** Where the engine loads the .so files of a type from. */
  readonly soFolder: (type: PluginType) => string;
  readonly verify: Config["engine"]["verify"];
}

type Registered = Pick<PluginVersion, "functions">;

/** Says whether the engine will load a .so, as `engine.verify` wants it. */
export class CompatibilityCheck {
  readonly #inspector: Inspector;
  readonly #soFolder: (type: PluginType) => string;
  readonly #verify: Config["engine"]["verify"];

  constructor({ inspector, soFolder, verify }: CompatibilityCheckOptions) {
    this.#inspector = inspector;
    this.#soFolder = soFolder;
    this.#verify = verify;
  }

  get isOn(): boolean {
    return this.#verify !== "off";
  }

  /** Inspects a .so that is installed or might be. `engine` names another engine's binary to compare with. */
  inspect(soFile: string, id: PluginId, version: Registered, options: { libraries?: boolean; engine?: string } = {}) {
    return this.#inspector.inspect(soFile, symbolsWanted(id, version), { ...options, folder: this.#soFolder(id.type) });
  }

  /**
   * Inspects a .so that is about to be installed.
   *
   * @param libraries whether the libraries that it needs must be there by now
   * @throws PluginError PLUGIN_INCOMPATIBLE where `engine.verify` is `enforce`
   */
  async admit(
    soFile: string,
    id: PluginId,
    version: Registered,
    { libraries, log }: { libraries: boolean; log: Log },
  ): Promise<Checked | undefined> {
    if (!this.isOn) return undefined;
    const basis = await this.basisOf(soFile);
    const inspection = await this.inspect(soFile, id, version, { libraries });
    if (this.#verify === "enforce") refuseIncompatible(inspection);
    const checked = toChecked(id, inspection, basis);
    if (libraries) logFindings(id, version, checked, log);
    return checked;
  }

  /** What a verdict on that .so depends on, as it is now. */
  async basisOf(soFile: string): Promise<string> {
    const [{ size, mtimeMs }, engine] = await Promise.all([stat(soFile), this.#inspector.engineIdentity()]);
    return `${size}-${mtimeMs} ${engine}`;
  }
}

/** The reason in one line: the first problem, and how many there are beside it. */
export function reasonOf({ problems: [first, ...others] }: Compatibility): string | undefined {
  if (first === undefined) return undefined;
  return others.length === 0 ? first.message : `${first.message} (and ${others.length} more)`;
}

export function toChecked(id: PluginId, { verdict, problems, exports }: Inspection, basis: string): Checked {
  return {
    compatibility: { verdict, problems, basis },
    ...(id.type === "functions" && exports.length > 0 ? { exports: exports.map(functionOf) } : {}),
  };
}

function refuseIncompatible(compatibility: Compatibility): void {
  if (compatibility.verdict !== "incompatible") return;
  const reason = `the engine would not load this plugin: ${reasonOf(compatibility)}`;
  throw new PluginError("PLUGIN_INCOMPATIBLE", `${reason}; engine.verify: warn would install it all the same`);
}

function logFindings(id: PluginId, version: Registered, { compatibility, exports }: Checked, log: Log): void {
  const { verdict, problems } = compatibility;
  for (const { code, message } of problems) {
    const line = { plugin: id, verdict, problem: code, reason: message };
    if (verdict === "incompatible") log.warn(line, "the engine will not load this plugin");
    else log.info(line, "whether the engine will load this plugin is unknown");
  }
  const unregistered = unregisteredFunctions(id, { ...version, ...(exports ? { exports } : {}) });
  if (unregistered.length > 0) log.info({ plugin: id, unregistered }, "exported functions are not registered");
}
