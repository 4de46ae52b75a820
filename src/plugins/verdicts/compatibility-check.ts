import { stat } from "node:fs/promises";
import type { Config } from "../../config/schema.ts";
import type { Compatibility, FunctionLookup, LinkIdentity } from "../../domain/compatibility.ts";
import { PluginError } from "../../domain/errors.ts";
import { functionOf, symbolOf } from "../../domain/names.ts";
import type { PluginId, PluginType } from "../../domain/plugin.ts";
import type { KnownCompatibility, PluginEntry, PluginVersion } from "../../domain/plugin-entry.ts";
import type { Inspection, Inspector } from "../../inspect/inspector.ts";
import type { Log } from "../../lib/log.ts";
import { engineFunctions } from "../engine-functions.ts";
import { requiredSymbols, unregisteredFunctions } from "../function-names.ts";
import { type BuiltInNames, withBuiltInName, withEngineName } from "./built-in-names.ts";
import { Clashes, problemsOfName, withProblems } from "./clashes.ts";

/** Changes with what is inspected, so that verdicts of an older server are made again. */
const RULES = "2";

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
  /** What the engine says it has built in; undefined where none can be asked. */
  readonly builtIn?: BuiltInNames | undefined;
}

interface CheckOptions {
  /** Whether missing shared libraries count: not before install.sh. True if absent. */
  readonly libraries?: boolean;
  /** Another engine's binary to compare with. */
  readonly engine?: string;
  /** Whether the plugin's type was only guessed, so that one of another type will do. */
  readonly isTypeGuessed?: boolean;
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
  readonly #builtIn: BuiltInNames | undefined;

  constructor({ inspector, soFolder, entries, verify, builtIn }: CompatibilityCheckOptions) {
    this.#inspector = inspector;
    this.#soFolder = soFolder;
    this.#clashes = new Clashes(entries);
    this.#verify = verify;
    this.#builtIn = builtIn;
  }

  get isOn(): boolean {
    return this.#verify !== "off";
  }

  /** Inspects a .so by itself, whether it is installed or not. */
  async inspect(
    soFile: string,
    id: PluginId,
    version: Registered,
    { isTypeGuessed, ...options }: CheckOptions = {},
  ): Promise<Inspection> {
    const folder = this.#soFolder?.(id.type);
    const pluginType = isTypeGuessed ? undefined : id.type;
    const symbols = requiredSymbols(id, version);
    await this.#builtIn?.refresh();
    const found = await this.#inspector.inspect(soFile, symbols, { ...options, folder, pluginType });
    return withBuiltInName(id, version, found, found.engineModule);
  }

  /** Which type of plugin a .so of that name is, as far as it tells. @throws the reason of the signal */
  async typeOf(soFile: string, name: string, signal: AbortSignal): Promise<PluginType | undefined> {
    return this.#inspector.pluginTypeOf(soFile, symbolOf(name), signal);
  }

  /**
   * The verdict with the plugin's present conflicts with the other installed plugins.
   *
   * @param soFile the name under which it is installed
   */
  amongOthers<T extends OwnCompatibility | undefined>(id: PluginId, own: T, soFile?: string): Compatibility | T {
    if (own === undefined) return own;
    const named = soFile === undefined ? [] : problemsOfName(id, soFile);
    return withProblems(own, [...named, ...this.#clashes.of(id, own.identity)]);
  }

  /**
   * The verdict in front of this engine: with the names that it has built in, and the present conflicts.
   *
   * @param version `soFile` is the name under which it is installed, where it is
   */
  present<T extends OwnCompatibility | undefined>(
    id: PluginId,
    own: T,
    version: Partial<Pick<PluginVersion, "functions" | "soFile">>,
  ): Compatibility | T {
    if (own === undefined) return own;
    const named = this.#builtIn === undefined ? own : withEngineName(id, version, own, this.#builtIn);
    return this.amongOthers(id, named, version.soFile);
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
    const compatibility = this.present(id, inspection, version);
    if (this.#verify === "enforce") refuseIncompatible(compatibility);
    const checked = toChecked(id, inspection, basis);
    if (options.libraries) {
      logFindings(id, version, { ...checked, compatibility, lookup: inspection.functionLookup }, log);
    }
    return checked;
  }

  /**
   * The present state of what every verdict depends on besides its .so: the engine's binary and the system's libraries.
   *
   * @param engineFingerprint of the binary, if an inspection has returned it
   */
  async environment(engineFingerprint?: string): Promise<string> {
    await this.#builtIn?.refresh();
    const engine = engineFingerprint ?? (await this.#inspector.engineFingerprint());
    return `${RULES} ${engine} ${await this.#inspector.systemFingerprint()}`;
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
  const { verdict, problems, exports, identity, functionLookup } = inspection;
  const isLookedUp = id.type === "functions" && functionLookup !== undefined;
  return {
    compatibility: {
      ...{ verdict, problems, basis },
      ...(identity === undefined ? {} : { identity }),
      ...(isLookedUp ? { functionLookup } : {}),
    },
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
  readonly lookup: FunctionLookup | undefined;
}

function logFindings(id: PluginId, version: Registered, { compatibility, exports, lookup }: Findings, log: Log): void {
  const { verdict, problems } = compatibility;
  for (const { code, message } of problems) {
    const line = { plugin: id, verdict, problem: code, reason: message };
    if (verdict === "incompatible") log.warn(line, "the engine will not load this plugin");
    else log.info(line, "whether the engine will load this plugin is unknown");
  }
  const { missing, remedy } = engineFunctions(id, version, lookup) ?? {};
  if (missing !== undefined) log.warn({ plugin: id, missing, remedy }, "the engine will not find all functions");
  const unregistered = unregisteredFunctions(id, { ...version, ...(exports ? { exports } : {}) });
  if (unregistered.length > 0) log.info({ plugin: id, unregistered }, "exported functions are not registered");
}
