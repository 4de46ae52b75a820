import type { Caller } from "../domain/caller.ts";
import type { Compatibility } from "../domain/compatibility.ts";
import { PluginError } from "../domain/errors.ts";
import { soPath } from "../domain/file-path.ts";
import { checkInstallRequest, type InstallBody, type InstallRequest } from "../domain/install-request.ts";
import { checkFunctionNames, checkPluginName } from "../domain/names.ts";
import { type PluginId, type PluginType, pluginKey } from "../domain/plugin.ts";
import type { PluginEntry } from "../domain/plugin-entry.ts";
import { type Progress, UNWATCHED } from "../domain/progress.ts";
import { hasCode } from "../lib/errors.ts";
import { printable } from "../lib/text.ts";
import { createTurns } from "../lib/turns.ts";
import type { ChangeQueue } from "../store/journal/queue.ts";
import type { Workspace } from "../store/journal/workspace.ts";
import type { PluginStore } from "../store/plugin-store.ts";
import { findVersion, type WantedVersion } from "../store/versions/version-list.ts";
import type { Audit, AuditedAction } from "./audit.ts";
import type { FunctionNames } from "./function-names.ts";
import { type InspectionReport, inspectPackage } from "./inspect-package.ts";
import { type PrepareOptions, prepareVersion, type Run } from "./prepare-version.ts";
import { refuseUntrusted } from "./refuse-untrusted.ts";
import { StageClock } from "./stage-clock.ts";
import type { CompatibilityCheck } from "./verdicts/compatibility-check.ts";

export interface PluginManagerOptions extends Omit<PrepareOptions, "inTurn"> {
  readonly store: PluginStore;
  readonly queue: ChangeQueue;
  readonly check: CompatibilityCheck;
  readonly functionNames: FunctionNames;
  readonly audit: Audit;
}

/** Who follows a change, and can stop it. */
export interface Watch {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
}

/** What was changed, and whether the engine will load it; undefined where nothing is inspected. */
export interface Changed {
  readonly id: PluginId;
  readonly version: string;
  readonly compatibility: Compatibility | undefined;
}

/** Changes the plugins of one engine: the one place where the stages of a change meet. */
export class PluginManager {
  readonly #options: PluginManagerOptions;
  readonly #prepare: PrepareOptions;
  readonly #functionNames: FunctionNames;
  /** Plugins that were deleted since the start: the engine may still have them loaded. */
  readonly #markedDeleted = new Set<string>();

  constructor(options: PluginManagerOptions) {
    this.#options = options;
    // Unpacking keeps a processor busy, so several at once would not be faster, but would leave none for those who
    // read. Downloads, scripts and the disk's work go on side by side.
    this.#prepare = { ...options, inTurn: createTurns() };
    this.#functionNames = options.functionNames;
  }

  /**
   * Installs a plugin, wholly or not at all. It goes on when the client that ordered it has gone.
   *
   * @throws PluginError with the reason; nothing has changed then but what install.sh did to the system
   */
  async install(type: PluginType, order: InstallBody, caller: Caller, watch: Watch = {}): Promise<Changed> {
    const request = checkInstallRequest(type, order);
    return this.#change("install", request.id, caller, watch, async (run) => {
      run.facts.origin = request.source.origin;
      await this.#refuseTaken(request.id);
      return this.#putIntoPlace(request, undefined, run);
    });
  }

  /**
   * Puts another version into the place of the installed one, which is kept for a rollback. Until the new one is whole
   * and checked, nothing is touched; then both are swapped in one change.
   *
   * @throws PluginError PLUGIN_NOT_FOUND, or with the reason; the old version is installed then as before
   */
  async update(id: PluginId, order: InstallBody, caller: Caller, watch: Watch = {}): Promise<Changed> {
    const name = checkPluginName(order.name ?? id.name);
    if (name !== id.name) {
      throw new PluginError("NAME_INVALID", `invalid name ${name}: the path names ${printable(id.name)}`);
    }
    const request = checkInstallRequest(id.type, { ...order, name });
    return this.#change("update", id, caller, watch, async (run) => {
      run.facts.origin = request.source.origin;
      return this.#putIntoPlace(request, await this.#installed(id), run);
    });
  }

  /**
   * Brings an earlier version back from what is kept; the present one is kept in its place. install.sh is not run.
   *
   * @throws PluginError PLUGIN_NOT_FOUND, VERSION_NOT_FOUND, or with the reason; nothing has changed then
   */
  async rollback(id: PluginId, wanted: WantedVersion, caller: Caller, watch: Watch = {}): Promise<Changed> {
    const { store, trust, check } = this.#options;
    return this.#change("rollback", id, caller, watch, async (run) => {
      const { facts, stages, signal, log } = run;
      const present = await this.#installed(id);
      const target = findVersion(present, wanted);
      const { version, sha256, origin, verified } = target;
      Object.assign(facts, { version, sha256, origin, verified });
      if (trust.required) await refuseUntrusted(target, trust);
      const so = await store.keptSoFile(id, target);
      const checked = await stages.time("inspect", () => check.admit(so, id, target, { libraries: true, signal, log }));
      facts.verdict = check.amongOthers(id, checked?.compatibility)?.verdict;
      signal.throwIfAborted();
      const entry = await this.#functionNames.claim(id, target.functions ?? [], () =>
        store.withWorkspace(id, (workspace) =>
          stages.time("commit", () => store.restore(id, present, target, { ...checked }, workspace)),
        ),
      );
      log.info({ plugin: id, version: entry.version, from: present.version }, "plugin rolled back");
      return { id, version: entry.version, compatibility: check.amongOthers(id, entry.compatibility) };
    });
  }

  /**
   * Tells what an install would find, without installing anything.
   *
   * @throws PluginError as an install would
   */
  async inspect(type: PluginType, order: InstallBody, caller: Caller, watch: Watch = {}): Promise<InspectionReport> {
    const { store, queue } = this.#options;
    const request = checkInstallRequest(type, order);
    // Takes its turn like a change, since it needs as much; but it is no change to that plugin.
    const key = `inspect/${caller.requestId}`;
    return queue.run(
      key,
      (signal) =>
        store.withWorkspace({ type, name: key }, (workspace) =>
          inspectPackage(request, workspace, runOf(request.id, {}, signal, caller, watch), this.#prepare),
        ),
      watch.signal,
    );
  }

  /**
   * Says which functions a function plugin has.
   *
   * @throws PluginError PLUGIN_NOT_FOUND, FUNCTION_NAME_TAKEN, BODY_INVALID, PLUGIN_INCOMPATIBLE
   */
  async registerFunctions(id: PluginId, given: readonly string[], caller: Caller): Promise<Changed> {
    const { store, check } = this.#options;
    const functions = checkFunctionNames(given);
    return this.#change("register", id, caller, {}, async ({ facts, signal, log }) => {
      const entry = await this.#installed(id, "not found");
      const { compatibility: _, exports: __, ...rest } = entry; // they are about other symbols, or another .so by now
      const so = store.layout.absolute(soPath(id.type, entry.soFile));
      const checked = await check.admit(so, id, { functions }, { libraries: true, signal, log }).catch((error) => {
        throw hasCode(error, "ENOENT") ? new PluginError("PLUGIN_NOT_FOUND", `its ${entry.soFile} is gone`) : error;
      });
      facts.verdict = check.amongOthers(id, checked?.compatibility)?.verdict;
      await this.#functionNames.claim(id, functions, () => store.updateEntry(id, { ...rest, functions, ...checked }));
      return { id, version: entry.version, compatibility: check.amongOthers(id, checked?.compatibility) };
    });
  }

  /**
   * Removes a plugin with every file that it installed and every version that is kept. Configuration that a user edited
   * is kept as `.bak`.
   *
   * @throws PluginError PLUGIN_NOT_FOUND, or a storage error; nothing has changed then
   */
  async remove(id: PluginId, caller: Caller, watch: Watch = {}): Promise<void> {
    const { store } = this.#options;
    await this.#change("delete", id, caller, watch, async ({ facts, stages, log }) => {
      const entry = await this.#installed(id);
      const { version, sha256 } = entry;
      Object.assign(facts, { version, sha256 });
      const kept = await store.withWorkspace(id, (workspace) =>
        stages.time("commit", () => store.remove(id, entry, workspace)),
      );
      log.info({ plugin: id, version, kept }, "plugin deleted");
      this.#markedDeleted.add(pluginKey(id));
    });
  }

  async #change<T>(
    action: AuditedAction,
    id: PluginId,
    caller: Caller,
    watch: Watch,
    work: (run: Run) => Promise<T>,
  ): Promise<T> {
    const { queue, audit } = this.#options;
    return audit.record(action, id, caller, (facts) =>
      queue.run(pluginKey(id), (signal) => work(runOf(id, facts, signal, caller, watch)), watch.signal),
    );
  }

  async #putIntoPlace(request: InstallRequest, old: PluginEntry | undefined, run: Run): Promise<Changed> {
    const { store } = this.#options;
    const { id } = request;
    const { stages, log } = run;
    // An update that names no functions keeps those that are registered.
    const functions = request.functions.length > 0 ? request.functions : (old?.functions ?? []);
    const entry = await this.#functionNames.claim(id, functions, () =>
      store.withWorkspace(id, async (workspace: Workspace) => {
        const { entry, files } = await prepareVersion({ ...request, functions }, workspace, run, this.#prepare);
        return stages.time("commit", () => store.replace(id, { old, entry, files }, workspace));
      }),
    );
    const { version, origin, sha256, bytes, verified, compatibility } = entry;
    const installed = { plugin: id, version, origin, sha256, bytes, verified, stages: stages.durations };
    if (old === undefined) log.info(installed, "plugin installed");
    else log.info({ ...installed, from: old.version }, "plugin updated");
    return { id, version, compatibility: this.#options.check.amongOthers(id, compatibility) };
  }

  /** The plugin as it is on the disk. */
  async #installed(id: PluginId, sentence = `invalid name ${printable(id.name)}: not exist`): Promise<PluginEntry> {
    const entry = await this.#options.store.lookUp(id);
    if (entry === undefined) throw new PluginError("PLUGIN_NOT_FOUND", sentence);
    return entry;
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
}

function runOf(
  id: PluginId,
  facts: Run["facts"],
  signal: AbortSignal,
  { log }: Caller,
  { progress = UNWATCHED }: Watch,
): Run {
  return { facts, stages: new StageClock(id, log, progress), progress, signal, log };
}
