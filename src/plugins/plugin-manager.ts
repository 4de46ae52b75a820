import type { Caller, Progress, Stage } from "../domain/change.ts";
import { asStorageFailure, type ErrorCode, PluginError, prefixed } from "../domain/errors.ts";
import {
  bytesOf,
  checkInspectRequest,
  checkInstallRequest,
  checkPortableRequest,
  type InspectBody,
  type InstallBody,
  type PackageRequest,
} from "../domain/install-request.ts";
import { checkFunctionNames, checkPluginName } from "../domain/names.ts";
import { type PluginId, type PluginType, pluginKey, soPath } from "../domain/plugin.ts";
import { hasCode } from "../lib/errors.ts";
import { quoted } from "../lib/text.ts";
import { Turns } from "../lib/turns.ts";
import type { WantedVersion } from "../store/versions/version-list.ts";
import type { Audit, AuditedAction } from "./audit.ts";
import { BeingInstalled } from "./being-installed.ts";
import { type ChangeFacts, ChangeRun, StageFailure, type StageObserver } from "./change-run.ts";
import { inspectPackage } from "./inspect-package.ts";
import type { InstallPreview } from "./inspection-report.ts";
import { type Changed, type Follower, installPackage, type PipelineParts } from "./pipeline.ts";
import { handPortable, type PortableInstaller } from "./portable-package.ts";
import { rollBack } from "./rollback.ts";
import { TakenNames } from "./taken-names.ts";
import { type UndoneChange, type UndoOutcome, undoChange } from "./undo.ts";

interface PluginManagerOptions extends Omit<PipelineParts, "unpacking" | "names"> {
  readonly audit: Audit;
  /** Called before and after each change; takes no time and never throws. */
  readonly onChange?: (() => void) | undefined;
  readonly onStage?: StageObserver | undefined;
}

/** Who follows a change, and can stop it. */
export interface Watch {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
  /** The id of the job that the change is, a UUID. */
  readonly job?: string | undefined;
  /** Awaited before an update, a rollback or a delete begins; what it throws refuses the change. */
  readonly permit?: (() => Promise<void>) | undefined;
}

/** Stages of whose failures the original says that the zip could not be unpacked. */
const UNZIP_STAGES: readonly Stage[] = ["check", "unpack", "script"];
/** Found out in these stages, but about a zip that can be unpacked. */
const NOT_UNZIPPING: readonly ErrorCode[] = [
  "DOWNGRADE_REFUSED",
  "SIGNATURE_INVALID",
  "STORAGE_FAILED",
  "STORAGE_FULL",
];

/**
 * Changes the plugins of one engine. Each call is a checked request, one function that does the work, and an audit line.
 * A change goes on when the client that requested it has gone, unless its signal says otherwise.
 */
export class PluginManager {
  readonly #parts: PipelineParts;
  readonly #audit: Audit;
  readonly #onChange: () => void;
  readonly #onStage: StageObserver | undefined;
  readonly #beingInstalled = new BeingInstalled();

  constructor({ audit, onChange = () => {}, onStage, ...options }: PluginManagerOptions) {
    this.#parts = { ...options, unpacking: new Turns(), names: new TakenNames(options.store) };
    this.#audit = audit;
    this.#onChange = onChange;
    this.#onStage = onStage;
  }

  /**
   * Installs a plugin, wholly or not at all.
   *
   * @throws BeingInstalledError at once while another install of that name waits or runs; PluginError with the reason; nothing has changed then but what install.sh did to the system
   */
  async install(type: PluginType, body: InstallBody, caller: Caller, watch: Watch = {}): Promise<Changed> {
    const request = checkInstallRequest(type, body);
    const { origin } = request.source;
    return this.#audited("install", request.id, caller, { origin }, async () => {
      using _name = this.#beingInstalled.enter(request.id, watch.job);
      return await installPackage(request, "install", this.#follower(caller, watch), this.#parts);
    });
  }

  /**
   * Puts another version into the place of the installed one, which is kept for a rollback. Until the new one is whole
   * and checked, nothing is touched; then both are swapped in one change.
   *
   * @throws PluginError PLUGIN_NOT_FOUND, or with the reason; the old version is installed then as before
   */
  async update(id: PluginId, body: InstallBody, caller: Caller, watch: Watch = {}): Promise<Changed> {
    const name = checkPluginName(body.name ?? id.name);
    if (name !== id.name) {
      throw new PluginError("NAME_INVALID", `invalid name ${name}: the path names ${quoted(id.name)}`);
    }
    const request = checkInstallRequest(id.type, { ...body, name });
    const { origin } = request.source;
    return this.#audited("update", id, caller, { origin }, async () => {
      await watch.permit?.();
      return installPackage(request, "update", this.#follower(caller, watch), this.#parts);
    });
  }

  /** Brings an earlier version back. @throws PluginError, see `rollBack`; nothing has changed then */
  async rollback(id: PluginId, wanted: WantedVersion, caller: Caller, watch: Watch = {}): Promise<Changed> {
    return this.#audited("rollback", id, caller, {}, async () => {
      await watch.permit?.();
      return rollBack(id, wanted, this.#follower(caller, watch), this.#parts);
    });
  }

  /**
   * Reports what an install would find and do, without installing anything.
   *
   * @param type undefined where that has to be found out as well
   * @throws PluginError as an install would
   */
  async inspect(
    type: PluginType | undefined,
    body: InspectBody,
    caller: Caller,
    watch: Watch = {},
  ): Promise<InstallPreview> {
    const request = checkInspectRequest(type, body);
    try {
      return await inspectPackage(request, this.#follower(caller, watch), this.#parts);
    } catch (error) {
      throw explained(error, request.source);
    }
  }

  /**
   * Says which functions a function plugin has.
   *
   * @throws PluginError PLUGIN_NOT_FOUND, FUNCTION_NAME_TAKEN, BODY_INVALID, PLUGIN_INCOMPATIBLE
   */
  async registerFunctions(id: PluginId, names: readonly string[], caller: Caller, watch: Watch = {}): Promise<Changed> {
    const functions = checkFunctionNames(names);
    return this.#audited("register", id, caller, {}, () =>
      this.#register(id, functions, this.#follower(caller, watch)),
    );
  }

  /**
   * Removes a plugin with every file that it installed and every version that is kept. Configuration that a user edited
   * is kept as `.bak`.
   *
   * @throws PluginError PLUGIN_NOT_FOUND, or a storage error; nothing has changed then
   */
  async remove(id: PluginId, caller: Caller, watch: Watch = {}): Promise<void> {
    await this.#audited("delete", id, caller, {}, async () => {
      await watch.permit?.();
      return this.#remove(id, this.#follower(caller, watch));
    });
  }

  /**
   * Undoes a change that a restart of the engine proved wrong, if it is still the last one of its plugin. Has no audit line of
   * its own: it is a part of the restart's.
   *
   * @throws PluginError with the reason; nothing has changed then
   */
  async undo(change: UndoneChange, caller: Caller, watch: Watch = {}): Promise<UndoOutcome> {
    return undoChange(change, this.#follower(caller, watch), this.#parts).catch((error) => {
      throw explained(error, {});
    });
  }

  /** To be called when a new process of the engine runs: the names of deleted plugins are free again. */
  engineRestarted(): void {
    this.#parts.names.forgetDeleted();
  }

  /**
   * Checks the zip of a portable plugin and hands it to the engine, which installs it.
   *
   * @param engineFor the engine that is to install it; its answer is passed on as it is
   * @throws BeingInstalledError as an install; PluginError NAME_INVALID, URI_INVALID, or with the reason why the zip was
   *   not handed over
   */
  async handPortable<R extends { readonly status: number; readonly text: string }>(
    action: "install" | "update",
    body: InstallBody,
    caller: Caller,
    engineFor: (request: PackageRequest) => PortableInstaller<R>,
    watch: Watch = {},
  ): Promise<R> {
    const request = checkPortableRequest(body);
    const { origin } = request.source;
    const write = { action, subject: { plugin: request.id }, facts: { origin }, caller };
    try {
      using _name = action === "install" ? this.#beingInstalled.enter(request.id, watch.job) : undefined;
      const reply = await handPortable(request, this.#follower(caller, watch), this.#parts, engineFor(request));
      const refusal = reply.status < 400 ? undefined : new PluginError("ENGINE_REFUSED", reply.text.trim());
      this.#audit.record(write, refusal);
      return reply;
    } catch (error) {
      const failure = explained(error, { origin });
      this.#audit.record(write, failure);
      throw failure;
    }
  }

  #follower({ log }: Caller, watch: Watch = {}): Follower {
    return { ...watch, log, onStage: this.#onStage };
  }

  async #register(id: PluginId, functions: readonly string[], follower: Follower): Promise<Changed> {
    const { queue, store, names, functionNames, check } = this.#parts;
    using place = await queue.enter(pluginKey(id), follower.signal, bytesOf(functions));
    using run = new ChangeRun({ ...follower, plugin: id, signal: place.signal });
    const entry = await names.requireInstalled(id, "not found");
    const { compatibility: _, exports: __, ...rest } = entry; // they are about other symbols, or another .so by now
    const so = store.layout.absolute(soPath(id.type, entry.soFile));
    const checked = await run.stage("inspect", {}, () =>
      check.admit(so, id, { functions }, { libraries: true, signal: run.signal, log: run.log }).catch((error) => {
        throw hasCode(error, "ENOENT") ? new PluginError("PLUGIN_NOT_FOUND", `its ${entry.soFile} is gone`) : error;
      }),
    );
    using _claimed = functionNames.claim(id, functions);
    await run.stage("commit", {}, () => store.updateEntry(id, { ...rest, functions, ...checked }));
    const compatibility = check.present(id, checked?.compatibility, { functions });
    return { id, version: entry.version, compatibility, facts: { verdict: compatibility?.verdict } };
  }

  async #remove(id: PluginId, follower: Follower): Promise<{ facts: ChangeFacts }> {
    const { queue, store, names } = this.#parts;
    using place = await queue.enter(pluginKey(id), follower.signal);
    using run = new ChangeRun({ ...follower, plugin: id, signal: place.signal });
    const entry = await names.requireInstalled(id);
    await using work = await store.workspace(id, follower.job);
    const facts = { version: entry.version, sha256: entry.sha256 };
    const kept = await run.stage("commit", facts, () => store.remove(id, entry, work));
    run.log.info({ plugin: id, version: entry.version, kept }, "plugin deleted");
    names.markDeleted(id);
    return { facts };
  }

  /** @param facts what is known before the change begins */
  async #audited<T extends { readonly facts: ChangeFacts }>(
    action: AuditedAction,
    plugin: PluginId,
    caller: Caller,
    facts: ChangeFacts,
    change: () => Promise<T>,
  ): Promise<T> {
    this.#onChange();
    try {
      const changed = await change();
      this.#audit.record({ action, subject: { plugin }, caller, facts: { ...facts, ...changed.facts } });
      return changed;
    } catch (error) {
      const failure = explained(error, facts);
      const found = error instanceof StageFailure ? error.facts : {};
      this.#audit.record({ action, subject: { plugin }, caller, facts: { ...facts, ...found } }, failure);
      throw failure;
    } finally {
      this.#onChange();
    }
  }
}

/** The failure as clients know it, in the original's words where it has some. */
function explained(error: unknown, { origin }: Pick<ChangeFacts, "origin">): unknown {
  if (!(error instanceof StageFailure)) return asStorageFailure(error);
  const { cause, stage, isStopped } = error;
  const prefix = `fail to unzip file ${origin}: `;
  const isUnzipping = UNZIP_STAGES.includes(stage) && !isStopped;
  if (cause instanceof PluginError && isUnzipping && !NOT_UNZIPPING.includes(cause.code))
    return prefixed(cause, prefix);
  return asStorageFailure(cause);
}
