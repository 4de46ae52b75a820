import pLimit from "p-limit";
import type { Audit, AuditedFacts } from "./audit.ts";
import type { Config } from "./config/schema.ts";
import type { Caller } from "./domain/caller.ts";
import { PluginError, prefixed } from "./domain/errors.ts";
import { checkInstallOrder, type InstallOrder, type InstallRequest } from "./domain/install-request.ts";
import type { Log } from "./domain/log.ts";
import { type PluginId, type PluginType, pluginKey } from "./domain/plugin.ts";
import type { PluginEntry } from "./domain/plugin-entry.ts";
import { printable } from "./domain/printable.ts";
import type { Downloaded, Downloader } from "./install/download/downloader.ts";
import { type PreparedPackage, preparePackage } from "./install/prepare-package.ts";
import type { ScriptRunner } from "./install/script/script-runner.ts";
import { StageClock } from "./install/stage-clock.ts";
import type { ChangeQueue } from "./store/change-queue.ts";
import { keepEditedFiles } from "./store/edited-files.ts";
import type { PluginStore } from "./store/plugin-store.ts";
import type { Workspace } from "./store/workspace.ts";

export interface PluginManagerOptions {
  readonly store: PluginStore;
  readonly queue: ChangeQueue;
  readonly downloader: Downloader;
  readonly scripts: ScriptRunner;
  readonly limits: Config["pluginPackage"];
  readonly audit: Audit;
}

/** A plugin as clients see it. */
export type PluginDescription = { readonly name: string } & Omit<PluginEntry, "change">;

/** What an install has beside its request. */
interface Run {
  /** For the audit: filled in as the install learns it. */
  readonly facts: AuditedFacts;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** The plugins of one engine: the one place where the stages of an install meet. */
export class PluginManager {
  readonly #options: PluginManagerOptions;
  /**
   * Unpacking keeps a processor busy, so several at once would not be faster, but would leave none for those who read.
   * Downloads, scripts and the disk's work go on side by side.
   */
  readonly #unpacking = pLimit(1);
  /** Plugins that were deleted since the start: the engine may still have them loaded. */
  readonly #markedDeleted = new Set<string>();

  constructor(options: PluginManagerOptions) {
    this.#options = options;
  }

  /** Names in alphabetical order: the same array until a plugin of that type changes. */
  list(type: PluginType): readonly string[] {
    return this.#options.store.names(type);
  }

  /** @throws PluginError PLUGIN_NOT_FOUND */
  describe(id: PluginId): PluginDescription {
    const entry = this.#options.store.get(id);
    if (entry === undefined) throw new PluginError("PLUGIN_NOT_FOUND", "not found");
    const { version, change: _, ...rest } = entry;
    return { name: id.name, version, ...rest };
  }

  /**
   * Installs a plugin, wholly or not at all. It goes on when the client that ordered it has gone.
   *
   * @returns the plugin's id, with its name as it is listed
   * @throws PluginError with the reason; nothing has changed then but what install.sh did to the system
   */
  async install(type: PluginType, order: InstallOrder, caller: Caller): Promise<PluginId> {
    const request = checkInstallOrder(type, order);
    const { id } = request;
    const { queue, store, audit } = this.#options;
    await audit.record("install", id, caller, (facts) => {
      facts.origin = request.source.shown;
      return queue.run(pluginKey(id), async (signal) => {
        await this.#refuseTaken(id);
        await store.withWorkspace(id, (workspace) =>
          this.#installInto(workspace, request, { facts, signal, ...caller }),
        );
      });
    });
    return id;
  }

  /**
   * Removes a plugin with every file that it installed. Configuration that a user edited is kept as `.bak`.
   *
   * @throws PluginError PLUGIN_NOT_FOUND, or a storage error; nothing has changed then
   */
  async remove(id: PluginId, caller: Caller): Promise<void> {
    const { queue, audit } = this.#options;
    await audit.record("delete", id, caller, (facts) =>
      queue.run(pluginKey(id), () => this.#removeNow(id, facts, caller.log)),
    );
  }

  async #removeNow(id: PluginId, facts: AuditedFacts, log: Log): Promise<void> {
    const { store } = this.#options;
    const entry = await store.lookUp(id);
    if (entry === undefined) {
      throw new PluginError("PLUGIN_NOT_FOUND", `invalid name ${printable(id.name)}: not exist`);
    }
    const { version, sha256 } = entry;
    Object.assign(facts, { version, sha256 });
    const files = await store.filesOf(id, entry);
    await store.withWorkspace(id, async (workspace) => {
      const kept = await keepEditedFiles(files, store.layout, workspace);
      const removals = files.map(({ path }) => ({ target: path, staged: null }));
      await store.commit({ id, entry: null, moves: [...kept, ...removals] }, workspace);
      log.info({ plugin: id, version, kept: kept.map(({ target }) => target) }, "plugin deleted");
    });
    this.#markedDeleted.add(pluginKey(id));
  }

  async #refuseTaken(id: PluginId): Promise<void> {
    const { name } = id;
    if (this.#markedDeleted.has(pluginKey(id))) {
      const reason = "the plugin is marked as deleted but Kuiper is not restarted for the change to take effect yet";
      throw new PluginError("NAME_MARKED_DELETED", `invalid name ${name}: ${reason}`);
    }
    if ((await this.#options.store.lookUp(id)) !== undefined) {
      throw new PluginError("NAME_TAKEN", `invalid name ${name}: duplicate`);
    }
  }

  async #installInto(workspace: Workspace, request: InstallRequest, { facts, signal, log }: Run): Promise<void> {
    const { downloader, scripts, limits } = this.#options;
    const { id, source } = request;
    if (source.kind === "upload") throw new Error("not yet");
    const { uri } = source;
    const stages = new StageClock(id, log);
    const zip = await stages.time("download", () => downloader.download(uri, workspace.zipFile, { signal, log }));
    facts.sha256 = zip.sha256;
    const prepared = await preparePackage(workspace.zipFile, request, workspace, {
      limits,
      scripts,
      inTurn: this.#unpacking,
      stages,
      signal,
      log,
    })
      // The original reports what is wrong with the zip and with its script in the same words.
      .catch((error) => {
        throw error instanceof PluginError ? prefixed(error, `fail to unzip file ${uri.shown}: `) : error;
      });
    const entry = newEntry(request, zip, prepared, workspace);
    facts.version = entry.version;
    await stages.time("commit", () => this.#commit(id, entry, prepared, workspace));
    const { version, origin } = entry;
    log.info({ plugin: id, version, origin, ...zip, stages: stages.durations }, "plugin installed");
  }

  async #commit(id: PluginId, entry: PluginEntry, { files }: PreparedPackage, workspace: Workspace): Promise<void> {
    const { store } = this.#options;
    const kept = await keepEditedFiles(entry.files, store.layout, workspace);
    const additions = files.map(({ target, name }) => ({ target, staged: name }));
    await store.commit({ id, entry, moves: [...kept, ...additions] }, workspace);
  }
}

function newEntry(
  { source, functions }: InstallRequest,
  zip: Downloaded,
  { soFile, files }: PreparedPackage,
  workspace: Workspace,
): PluginEntry {
  return {
    version: soFile.version,
    soFile: soFile.fileName,
    files: files.map(({ target, sha256, bytes }) => ({ path: target, sha256, bytes })),
    ...(functions.length > 0 ? { functions } : {}),
    origin: source.shown,
    sha256: zip.sha256,
    bytes: zip.bytes,
    installedAt: new Date().toISOString(),
    change: workspace.id,
  };
}
