import { stat } from "node:fs/promises";
import type { Config } from "../../config/schema.ts";
import type { Compatibility, LinkIdentity } from "../../domain/compatibility.ts";
import { PluginError } from "../../domain/errors.ts";
import { functionOf } from "../../domain/names.ts";
import type { PluginId, PluginType } from "../../domain/plugin.ts";
import type { KnownCompatibility, PluginEntry, PluginVersion } from "../../domain/plugin-entry.ts";
import type { Inspection, Inspector } from "../../inspect/inspector.ts";
import type { Log } from "../../lib/log.ts";
import { symbolsWanted, unregisteredFunctions } from "../function-names.ts";
import { Clashes, withProblems } from "./clashes.ts";

/** What an inspection adds to a plugin's entry. Other plugins are left out of it, since they change by themselves. */
export interface Checked {
  readonly compatibility: KnownCompatibility;
  readonly exports?: readonly string[];
}

export interface CompatibilityCheckOptions {
  readonly inspector: Inspector;
  /** Where the engine loads the .so files of a type from; without it, from where they are. */
  readonly soFolder?: (type: PluginType) => string;
  /** What is installed: the same map until it changes. */
  readonly entries: (type: PluginType) => ReadonlyMap<string, PluginEntry>;
  readonly verify: Config["engine"]["verify"];
}

export interface CheckOptions {
  /** Whether the libraries that it needs must be there by now. */
  readonly libraries?: boolean;
  /** Another engine's binary to compare with. */
  readonly engine?: string;
  /** Whether the .so was written just now. */
  readonly isInMemory?: boolean;
  readonly signal?: AbortSignal;
}

/** A verdict on a plugin by itself. */
type OwnCompatibility = Compatibility & { readonly identity?: LinkIdentity | undefined };
type Registered = Pick<PluginVersion, "functions">;

/** Says whether the engine will load a .so, as `engine.verify` wants it. */
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

  /** Inspects a .so that is installed or might be, by itself. */
  inspect(soFile: string, id: PluginId, version: Registered, options: CheckOptions = {}): Promise<Inspection> {
    const folder = this.#soFolder?.(id.type);
    return this.#inspector.inspect(soFile, symbolsWanted(id, version), { ...options, ...(folder ? { folder } : {}) });
  }

  /** The verdict with what the other installed plugins have against that one, as of now. */
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
    const basis = await this.basisOf(soFile, await this.surroundings(inspection.engine));
    const compatibility = this.amongOthers(id, inspection);
    if (this.#verify === "enforce") refuseIncompatible(compatibility);
    const checked = toChecked(id, inspection, basis);
    if (options.libraries) logFindings(id, version, { ...checked, compatibility }, log);
    return checked;
  }

  /**
   * What every verdict depends on beside the .so, as it is now: the engine's binary and the system's libraries.
   *
   * @param engine the identity of the binary, where an inspection has told it
   */
  async surroundings(engine?: string): Promise<string> {
    const identity = engine ?? (await this.#inspector.engineIdentity());
    return `${identity} ${await this.#inspector.systemIdentity()}`;
  }

  /** What a verdict on that .so depends on. */
  async basisOf(soFile: string, surroundings: string): Promise<string> {
    const { size, mtimeMs } = await stat(soFile);
    return `${size}-${mtimeMs} ${surroundings}`;
  }
}

/** The reason in one line: the first problem, and how many there are beside it. */
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
