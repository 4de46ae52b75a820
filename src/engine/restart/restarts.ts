import type { Caller } from "../../domain/change.ts";
import { asStorageFailure, ERROR_STATUS, PluginError } from "../../domain/errors.ts";
import { parsePluginKey } from "../../domain/plugin.ts";
import { Job, type JobResult, type JobRun } from "../../jobs/job.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { Log } from "../../lib/log.ts";
import { quoted } from "../../lib/text.ts";
import type { Audit } from "../../plugins/audit.ts";
import type { PluginManager } from "../../plugins/plugin-manager.ts";
import type { PendingChange } from "../baseline.ts";
import { isFrom } from "../engine-version.ts";
import { restartEngine } from "./engine-restart.ts";
import type { RestartParts } from "./restart-and-check.ts";
import { RestartJournal, type RestartState } from "./restart-journal.ts";
import type { RestartResult } from "./restart-result.ts";
import { keysOf } from "./undo-changes.ts";

interface RestartsOptions extends Omit<RestartParts, "journal" | "undo"> {
  readonly manager: PluginManager;
  readonly jobs: Jobs;
  readonly audit: Audit;
  readonly log: Log;
}

/** A restart that was asked for. */
interface Asked {
  readonly job: Job;
  /** Whether later changes still become a part of it. */
  isOpen: boolean;
  /** Changes with which the engine started meanwhile. */
  readonly applied: PendingChange[];
}

/** A start of this server goes on with a restart at most so often: it must not restart the engine again and again. */
const MAX_RESUMED = 3;

/**
 * The restarts of the engine: one at a time, each a job. One that is asked for while another waits, or has not begun, is that
 * one; else it comes after it.
 */
export class EngineRestarts {
  readonly #options: RestartsOptions;
  readonly #parts: RestartParts;
  readonly #closing = new AbortController();
  #current: Asked | undefined;
  #next: Asked | undefined;

  constructor(options: RestartsOptions) {
    const { engine, manager, log } = options;
    this.#options = options;
    this.#parts = {
      ...options,
      journal: new RestartJournal(options.store.layout, log),
      undo: (change, log) => manager.undo(change, ownCaller(log)),
    };
    engine.baseline.onNewProcess = (applied) => this.#onNewProcess(applied);
  }

  /** Whether `?restart=1` restarts the engine: with `engine.restart` none it ends this server, as ever. */
  get isOffered(): boolean {
    return this.#options.config.restart !== "none";
  }

  /**
   * To be asked before anything is changed.
   *
   * @throws PluginError NOT_SUPPORTED where the engine can't be restarted in the way that is set
   */
  async requireSupported(): Promise<void> {
    const { config, engine } = this.#options;
    if (config.restart === "none") {
      const how = "set engine.restart to stop, or to a command such as [systemctl, restart, kuiper]";
      throw new PluginError("NOT_SUPPORTED", `engine.restart is none, so this server can't restart the engine; ${how}`);
    }
    // Also where nothing depends on the answer: what the engine has is known best before it changes.
    engine.forget();
    const { version } = await engine.about().catch(() => ({ version: "" })); // the restart itself says why
    if (config.restart !== "stop") return;
    if (isFrom(version, 1, 12)) return;
    const has = `the engine ${quoted(version)} has no POST /stop, which came with 1.12`;
    throw new PluginError(
      "NOT_SUPPORTED",
      `${has}; set engine.restart to a command such as [systemctl, restart, kuiper]`,
    );
  }

  /** Restarts the engine with all changes that wait for it. @returns the job, which others may share */
  request(caller: Caller): Job {
    if (this.#next?.isOpen) return this.#next.job;
    if (this.#current?.isOpen) return this.#current.job;
    return this.#start(caller);
  }

  /** Goes on with the restart that an earlier process did not finish. To be called once, on startup. */
  async resume(): Promise<void> {
    const { log } = this.#options;
    const { journal } = this.#parts;
    const state = await journal.read();
    if (state === undefined) return;
    if (state.resumed >= MAX_RESUMED) {
      log.error({ changes: keysOf(state.changes) }, "a restart of the engine was cut off again and again: given up");
      return journal.remove();
    }
    log.warn({ phase: state.phase, changes: keysOf(state.changes) }, "a restart of the engine was cut off: it goes on");
    this.#start(ownCaller(log), await journal.write({ ...state, resumed: state.resumed + 1 }));
  }

  /** Ends the waiting: the next start goes on. */
  async close(): Promise<void> {
    const message = "the server is shutting down; its next start goes on with the restart of the engine";
    this.#closing.abort(new PluginError("SHUTTING_DOWN", message));
    await Promise.all([this.#current?.job.ended, this.#next?.job.ended]);
  }

  #start(caller: Caller, resumed?: RestartState): Job {
    const before = (this.#next ?? this.#current)?.job.ended;
    const applied: PendingChange[] = [];
    const job = new Job({ action: "restart" }, async (run) => {
      run.signal.addEventListener("abort", () => this.#closeFor(asked), { once: true });
      await before;
      this.#current = asked;
      if (this.#next === asked) this.#next = undefined;
      const result = await this.#run(asked, run, caller, resumed);
      this.#current = undefined;
      return result;
    });
    const asked: Asked = { job, isOpen: resumed === undefined, applied };
    if (before === undefined) this.#current = asked;
    else this.#next = asked;
    this.#options.jobs.add(job);
    caller.log.info({ job: job.id }, "restart of the engine asked for");
    return job;
  }

  /** Later requests don't become a part of one that is cancelled, or that has begun. */
  #closeFor(asked: Asked): void {
    asked.isOpen = false;
  }

  async #run(asked: Asked, { signal, progress }: JobRun, caller: Caller, resumed?: RestartState): Promise<JobResult> {
    const { log, audit, engine } = this.#options;
    const write = { action: "restart", subject: { engine: engine.client.url }, caller } as const;
    const onBegun = () => this.#closeFor(asked);
    const { applied } = asked;
    const run = { progress, log, wanted: signal, closing: this.#closing.signal, onBegun, applied };
    try {
      const result = await restartEngine(this.#parts, run, resumed);
      audit.record({ ...write, facts: { ...result } });
      log[result.outcome === "healthy" ? "info" : "error"](
        { ...result },
        `the engine was restarted: ${result.outcome}`,
      );
      await this.#settle(result);
      return { status: 200, body: result };
    } catch (error) {
      const failure = asStorageFailure(error);
      const known = failure instanceof PluginError ? failure : undefined;
      log.error({ err: failure }, "the engine's restart has failed");
      if (known?.code !== "SHUTTING_DOWN") audit.record(write, failure);
      const code = known?.code ?? "INTERNAL";
      return {
        status: ERROR_STATUS[code],
        error: code,
        message: known?.message ?? "internal error; see the server's log",
      };
    } finally {
      this.#closeFor(asked);
    }
  }

  #onNewProcess(applied: readonly PendingChange[]): void {
    this.#options.manager.engineRestarted();
    if (this.#current === undefined) void this.#forgetReplaced();
    else this.#current.applied.push(...applied);
  }

  /** An engine that did not come back has proven nothing. */
  async #settle({ outcome }: RestartResult): Promise<void> {
    if (outcome !== "unreachable") await this.#forgetReplaced();
  }

  /** What the engine's process does not run any more, and nobody will ask to bring back. */
  async #forgetReplaced(): Promise<void> {
    const { engine, store, log } = this.#options;
    const waiting = new Set(keysOf(engine.baseline.pending()));
    const unneeded = [...store.replaced.keys()].filter((key) => !waiting.has(key));
    const ids = unneeded.flatMap((key) => parsePluginKey(key) ?? []);
    await store.forgetReplaced(ids).catch((err) => log.warn({ err }, "replaced versions could not be cleared"));
  }
}

/** For what this server does by itself. */
function ownCaller(log: Log): Caller {
  return { address: "", token: undefined, requestId: "", log };
}
