import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import type { Verdict } from "../domain/compatibility.ts";
import { PluginError, rethrowStorageError } from "../domain/errors.ts";
import { PLUGIN_TYPES, type PluginId, type PluginType } from "../domain/plugin.ts";
import { isBelow } from "../fetch/hosts.ts";
import { quoted } from "../lib/text.ts";
import type { Trust } from "../package/trust/trust.ts";
import type { PluginStore } from "../store/plugin-store.ts";
import { versionId } from "../store/versions/version-list.ts";
import type { FunctionDescription, FunctionNames } from "./function-names.ts";
import { withUnplaced } from "./placed-config.ts";
import {
  describePlugin,
  describeVersions,
  type PluginDescription,
  type PluginSummary,
  summarisePlugin,
  type VersionDescription,
} from "./plugin-view.ts";
import type { Verdicts } from "./verdicts/verdicts.ts";

interface InstalledPluginsOptions {
  readonly store: PluginStore;
  readonly verdicts: Verdicts;
  readonly functionNames: FunctionNames;
  readonly engines: EngineRules;
  readonly trust: Pick<Trust, "looksForSignatures">;
}

/** Which plugins to list: all that match every given field. */
interface PluginFilter {
  readonly type?: PluginType | undefined;
  readonly verdict?: Verdict | undefined;
  /** The path of another engine's binary, to see what an upgrade would break. */
  readonly engine?: string | undefined;
}

/** What is installed, for reading only. Nothing here waits for a change. */
export class InstalledPlugins {
  readonly #store: PluginStore;
  readonly #verdicts: Verdicts;
  readonly #functionNames: FunctionNames;
  readonly #engines: EngineRules;
  readonly #trust: InstalledPluginsOptions["trust"];

  constructor({ store, verdicts, functionNames, engines, trust }: InstalledPluginsOptions) {
    this.#store = store;
    this.#verdicts = verdicts;
    this.#functionNames = functionNames;
    this.#engines = engines;
    this.#trust = trust;
  }

  /** In alphabetical order: the same array until a plugin of that type changes. */
  async names(type: PluginType): Promise<readonly string[]> {
    await this.#store.notice([type]);
    return this.#store.names(type);
  }

  /**
   * Every plugin, by type and name, with its verdict.
   *
   * @throws PluginError REQUEST_INVALID where `engine` may not be named
   */
  async list({ type, verdict, engine }: PluginFilter = {}): Promise<PluginSummary[]> {
    const other = engine === undefined ? undefined : await checkEnginePath(engine, this.#engines);
    await this.#store.notice(type === undefined ? PLUGIN_TYPES : [type]);
    const judged = await this.#verdicts.of(this.#ids(type));
    const compared = other === undefined ? judged : await this.#verdicts.against(other, judged);
    // Keys that can't be read stop installs and are reported there; there is something to ask for all the same.
    const isSignatureAsked = await this.#trust.looksForSignatures().catch(() => true);
    const summaries = compared.map(({ id, entry, compatibility }) =>
      summarisePlugin(id, entry, { compatibility: withUnplaced(compatibility, entry), isSignatureAsked }),
    );
    return summaries.filter((plugin) => verdict === undefined || plugin.verdict === verdict);
  }

  /** The installed version of a plugin; undefined where there is none. */
  version(id: PluginId): string | undefined {
    return this.#store.get(id)?.version;
  }

  /** @throws PluginError PLUGIN_NOT_FOUND */
  async describe(id: PluginId): Promise<PluginDescription> {
    await this.#store.notice([id.type]);
    const [judged] = await this.#verdicts.of([id]);
    if (judged === undefined) throw notFound();
    return describePlugin(id, judged.entry, withUnplaced(judged.compatibility, judged.entry));
  }

  /**
   * The installed version and those that a rollback can bring back, the latest first.
   *
   * @throws PluginError PLUGIN_NOT_FOUND
   */
  async versions(id: PluginId): Promise<VersionDescription[]> {
    await this.#store.notice([id.type]);
    const entry = this.#store.get(id);
    if (entry === undefined) throw notFound();
    return describeVersions(entry, versionId(entry));
  }

  /**
   * What the install.sh of the installed version printed, its end.
   *
   * @throws PluginError PLUGIN_NOT_FOUND, LOG_NOT_FOUND
   */
  async log(id: PluginId): Promise<string> {
    await this.#store.notice([id.type]);
    if (this.#store.get(id) === undefined) throw notFound();
    const log = await this.#store.installLog(id).catch(rethrowStorageError);
    if (log !== undefined) return log;
    throw new PluginError("LOG_NOT_FOUND", "the installed version has no install.sh, or it printed nothing");
  }

  /** The functions of all function plugins, in alphabetical order. */
  async functions(): Promise<string[]> {
    await this.#store.notice(["functions"]);
    return this.#functionNames.list();
  }

  /** @throws PluginError PLUGIN_NOT_FOUND */
  async describeFunction(name: string): Promise<FunctionDescription> {
    await this.#store.notice(["functions"]);
    return this.#functionNames.describe(name);
  }

  /** Compares every plugin with the engine and logs which ones it will not load. */
  async compareWithEngine(): Promise<void> {
    await this.#verdicts.refresh(this.#ids());
  }

  #ids(type?: PluginType): PluginId[] {
    const types = type === undefined ? PLUGIN_TYPES : [type];
    return types.flatMap((one) => this.#store.names(one).map((name) => ({ type: one, name })));
  }
}

function notFound(): PluginError {
  return new PluginError("PLUGIN_NOT_FOUND", "not found");
}

/** Which binaries a client may name to compare with. */
interface EngineRules {
  /** `pluginDownload.allowedFolders`; empty allows every file. */
  readonly allowedFolders: readonly string[];
  /** Where relative paths start. Files in it are always allowed. */
  readonly baseFolder: string;
}

/**
 * The path of an engine's binary that a client names. Outside of the allowed folders an existing file is refused like a
 * missing one, so that the answer does not reveal which files exist.
 *
 * @throws PluginError REQUEST_INVALID
 */
async function checkEnginePath(binary: string, { allowedFolders, baseFolder }: EngineRules): Promise<string> {
  const path = resolve(baseFolder, binary);
  if (allowedFolders.length === 0) return path;
  const folders = [baseFolder, ...allowedFolders].map((folder) => resolve(baseFolder, folder));
  const real = await realpath(path).catch(() => path);
  const realFolders = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  if (realFolders.some((folder) => isBelow(folder, real))) return real;
  throw new PluginError(
    "REQUEST_INVALID",
    `${quoted(binary)} is not in a folder of pluginDownload.allowedFolders, nor in the base folder`,
  );
}
