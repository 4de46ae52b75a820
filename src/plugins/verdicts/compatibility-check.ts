import { stat } from "node:fs/promises";
import type { Config } from "../../config/schema.ts";
import type { Compatibility, LinkIdentity } from "../../domain/compatibility.ts";
import { PluginError } from "../../domain/errors.ts";
import { functionOf } from "../../domain/names.ts";
import type { PluginId, PluginType } from "../../domain/plugin.ts";
import type { KnownCompatibility, PluginEntry, PluginVersion } from "../../domain/plugin-entry.ts";
import type { Inspection, Inspector } from "../../inspect/inspector.ts";
import type { Log } from "../../lib/log.ts";
import { requiredSymbols, unregisteredFunctions } from "../function-names.ts";
import { withBuiltInName } from "./built-in-names.ts";
import { Clashes, withProblems } from "./clashes.ts";

/** What an inspection adds to a plugin's entry. Without conflicts with other plugins, which change independently. */
export interface Checked {
  readonly compatibility: KnownCompatibility;
  readonly exports?: readonly string[];
}

interface CompatibilityCheckOptions {
  readonly inspector: Inspector;
  /** Where the engine loads the .so files of a type from; without it, from where they are. */
  readonly soFolder?: (type: PluginType) => string;
  /** The installed plugins by name: the same map until one changes. */
  readonly entries: (type: PluginType) => ReadonlyMap<string, PluginEntry>;
  readonly verify: Config["engine"]["verify"];
}

interface CheckOptions {
  /** Whether missing shared libraries count: not before install.sh. True if absent. */
  readonly libraries?: boolean;
  /** Another engine's binary to compare with. */
  readonly engine?: string;
  /** Whether the .so was written just now, so that no read of it waits for a disk. */
  readonly isInMemory?: boolean;
  readonly signal?: AbortSignal;
}

/** A verdict on a plugin by itself. */
type OwnCompatibility = Compatibility & { readonly identity?: LinkIdentity | undefined };
type Registered = Pick<PluginVersion, "functions">;

/** Inspects plugins for whether the engine will load them, according to `engine.verify`. */
export class CompatibilityCheck {
  readonly #inspector: Inspector;
  readonly #soFolder: ((type: PluginType) => string) | undefined;
  readonly #clashes: Clashes;
  readonly #verify: Config["engine"]["verify"];

  constructor({ inspector, soFolder, entries, verify }: CompatibilityCheckOptions) {
    this.#inspector = inspector;
    this.#soFolder = soFolder;
    this.#clashes = new Clashes(entries);
    this.#verify = verify;
  }

  get isOn(): boolean {
    return this.#verify !== "off";
  }

  /** Inspects a .so by itself, whether it is installed or not. */
  async inspect(soFile: string, id: PluginId, version: Registered, options: CheckOptions = {}): Promise<Inspection> {
    const folder = this.#soFolder?.(id.type);
    const found = await this.#inspector.inspect(soFile, requiredSymbols(id, version), { ...options, folder });
    return withBuiltInName(id, version, found, found.engineModule);
  }

  /** The verdict with the plugin's present conflicts with the other installed plugins. */
  amongOthers<T extends OwnCompatibility | undefined>(id: PluginId, own: T): Compatibility | T {
    return own === undefined ? own : withProblems(own, this.#clashes.of(id, own.identity));
  }

  /**
   * Inspects a .so that is about to be installed.
   *
   * @throws PluginError PLUGIN_INCOMPATIBLE where `engine.verify` is `enforce`; the reason of the signal
   */
  async admit(
    soFile: string,
    id: PluginId,
    version: Registered,
    { log, ...options }: CheckOptions & { readonly libraries: boolean; readonly log: Log },
  ): Promise<Checked | undefined> {
    if (!this.isOn) return undefined;
    const inspection = await this.inspect(soFile, id, version, options);
    const basis = await this.basisOf(soFile, await this.environment(inspection.engineFingerprint));
    const compatibility = this.amongOthers(id, inspection);
    if (this.#verify === "enforce") refuseIncompatible(compatibility);
    const checked = toChecked(id, inspection, basis);
    if (options.libraries) logFindings(id, version, { ...checked, compatibility }, log);
    return checked;
  }

  /**
   * The present state of what every verdict depends on besides its .so: the engine's binary and the system's libraries.
   *
   * @param engineFingerprint of the binary, if an inspection has returned it
   */
  async environment(engineFingerprint?: string): Promise<string> {
    const engine = engineFingerprint ?? (await this.#inspector.engineFingerprint());
    return `${engine} ${await this.#inspector.systemFingerprint()}`;
  }

  /** What a verdict on that .so depends on. Throws the system's error when there is no such file. */
  async basisOf(soFile: string, environment: string): Promise<string> {
    const { size, mtimeMs } = await stat(soFile);
    return `${size}-${mtimeMs} ${environment}`;
  }
}

/** The reason in one line: the first problem, and how many more there are. */
export function reasonOf({ problems: [first, ...others] }: Compatibility): string | undefined {
  if (first === undefined) return undefined;
  return others.length === 0 ? first.message : `${first.message} (and ${others.length} more)`;
}

export function toChecked(id: PluginId, inspection: Inspection, basis: string): Checked {
  const { verdict, problems, exports, identity } = inspection;
  return {
    compatibility: { verdict, problems, basis, ...(identity === undefined ? {} : { identity }) },
    ...(id.type === "functions" && exports.length > 0 ? { exports: exports.map(functionOf) } : {}),
  };
}

function refuseIncompatible(compatibility: Compatibility): void {
  if (compatibility.verdict !== "incompatible") return;
  const reason = `the engine would not load this plugin: ${reasonOf(compatibility)}`;
  throw new PluginError("PLUGIN_INCOMPATIBLE", `${reason}; engine.verify: warn would install it all the same`);
}

interface Findings {
  readonly compatibility: Compatibility;
  readonly exports?: readonly string[];
}

function logFindings(id: PluginId, version: Registered, { compatibility, exports }: Findings, log: Log): void {
  const { verdict, problems } = compatibility;
  for (const { code, message } of problems) {
    const line = { plugin: id, verdict, problem: code, reason: message };
    if (verdict === "incompatible") log.warn(line, "the engine will not load this plugin");
    else log.info(line, "whether the engine will load this plugin is unknown");
  }
  const unregistered = unregisteredFunctions(id, { ...version, ...(exports ? { exports } : {}) });
  if (unregistered.length > 0) log.info({ plugin: id, unregistered }, "exported functions are not registered");
}
