import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../config/schema.ts";
import type { Progress } from "../../domain/change.ts";
import { PluginError } from "../../domain/errors.ts";
import { PLUGIN_TYPES, pluginKey } from "../../domain/plugin.ts";
import type { Log } from "../../lib/log.ts";
import type { PluginStore } from "../../store/plugin-store.ts";
import type { PendingChange } from "../baseline.ts";
import type { Engine } from "../engine.ts";
import { messageOf } from "../engine-message.ts";
import { type Worse, wellIn, worseThan } from "./compare.ts";
import { awaitNewProcess, ProcessWatch } from "./new-process.ts";
import { runRestartCommand } from "./restart-command.ts";
import { type RestartJournal, type RestartState, withApplied } from "./restart-journal.ts";
import type { Outcome } from "./restart-result.ts";
import { askWhyStopped, isStoppedByHand } from "./rule-states.ts";
import { type InstalledPlugin, takeSnapshot } from "./snapshot.ts";
import type { Undo } from "./undo-changes.ts";

export interface RestartParts {
  readonly engine: Engine;
  readonly store: PluginStore;
  readonly config: Config["engine"];
  readonly journal: RestartJournal;
  /** Undoes one change. */
  readonly undo: Undo;
  /** Of the command that restarts the engine. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface RestartRun {
  readonly progress: Progress;
  readonly log: Log;
  /** Fires when the restart is not wanted any more: until it has begun. */
  readonly wanted: AbortSignal;
  /** Fires when this server ends: its next start goes on. */
  readonly closing: AbortSignal;
  /** Called when later changes need a restart of their own. */
  readonly onBegun: () => void;
  /** Changes with which new processes of the engine started since the restart has begun, also those made meanwhile. */
  readonly applied: readonly PendingChange[];
}

/** What a restart has led to, as long as nothing is undone. */
export interface Check {
  readonly worse: readonly Worse[];
  /** Why the engine did not come back; absent where it did. */
  readonly reason?: string;
  /** How many rules run now; absent where the engine can't be asked. */
  readonly running?: number;
  readonly output: readonly string[];
}

/**
 * Asks for the restart, waits for the new process, lets its rules settle, and compares.
 *
 * @param isResumed whether an earlier process of this server may have asked for it already
 * @throws PluginError ENGINE_RESTART_FAILED where the old process goes on; the reason of `closing`
 */
export async function restartAndCheck(
  state: RestartState,
  parts: RestartParts,
  run: RestartRun,
  isResumed: boolean,
): Promise<Check> {
  const { engine, config } = parts;
  const { closing, progress } = run;
  closing.throwIfAborted();
  const watch = new ProcessWatch(engine.client, state.since, state.before);
  progress.stage("restart");
  const asked = await askToRestart(watch, parts, closing, isResumed);
  progress.stage("wait");
  const { restartTimeoutSeconds } = config;
  const waiting = { timeoutSeconds: restartTimeoutSeconds, signal: closing, unlessOld: asked.failure !== undefined };
  const presence = await awaitNewProcess(watch, waiting);
  if (presence === "old") {
    const still = `the engine's process is still the same after ${restartTimeoutSeconds} s (engine.restartTimeoutSeconds)`;
    throw await restartFailed(asked.failure ?? still, asked.output, parts);
  }
  const { output } = asked;
  if (presence === "none" || watch.about === undefined) {
    const silent = `the engine at ${engine.client.url} (engine.url) did not answer within ${restartTimeoutSeconds} s (engine.restartTimeoutSeconds)`;
    return { worse: [], reason: asked.failure === undefined ? silent : `${asked.failure}; ${silent}`, output };
  }
  await engine.restarted(watch.about);
  progress.stage("settle");
  await delay(config.settleSeconds * 1000, undefined, { signal: closing }).catch(() => closing.throwIfAborted());
  progress.stage("verify");
  try {
    const now = await takeSnapshot(engine.client, installed(parts), closing);
    const changed = new Set(withApplied(state.changes, run.applied).map(pluginKey));
    const running = wellIn(now).rules.length;
    return { worse: await withReasons(worseThan(state.well, now, changed), parts, closing), running, output };
  } catch (error) {
    closing.throwIfAborted();
    if (!(error instanceof PluginError)) throw error;
    return { worse: [], reason: `after its restart ${error.message}`, output };
  }
}

interface Asked {
  /** Why that did not work, as far as is known. */
  readonly failure?: string;
  readonly output: readonly string[];
}

/** Runs the command, or asks the engine to end itself; does neither where an earlier process of ours has done it. */
async function askToRestart(
  watch: ProcessWatch,
  parts: RestartParts,
  signal: AbortSignal,
  isResumed: boolean,
): Promise<Asked> {
  const { engine, config, folder, env } = parts;
  const presence = isResumed ? await watch.look(signal) : "old";
  if (presence === "new") return { output: [] };
  if (typeof config.restart !== "string") {
    const { restart: command, restartTimeoutSeconds: timeoutSeconds } = config;
    const { failure, lastLines } = await runRestartCommand({ command, folder, env, timeoutSeconds, signal });
    return { output: lastLines, ...(failure !== undefined && { failure: `the command of engine.restart ${failure}` }) };
  }
  if (presence === "none") return { output: [] }; // it has ended: its supervisor starts it
  const { status, text } = await engine.client.ask("/stop", { method: "POST", signal }).catch((error) => {
    signal.throwIfAborted();
    // It may have ended before its answer was out.
    return { status: 200, text: (error as Error).message };
  });
  if (status === 200) return { output: [] };
  return { failure: `the engine answers POST /stop with ${status} ${messageOf(text)}`, output: [] };
}

/** The restart did not take place, so the changes wait as before. */
async function restartFailed(
  reason: string,
  output: readonly string[],
  { journal }: RestartParts,
): Promise<PluginError> {
  await journal.remove();
  const printed = output.length === 0 ? "" : `; it printed: ${output.join(" | ")}`;
  return new PluginError("ENGINE_RESTART_FAILED", `the engine was not restarted: ${reason}${printed}`);
}

/** Adds what only the engine's status of a rule tells, and leaves out what somebody stopped. */
async function withReasons(worse: readonly Worse[], { engine }: RestartParts, signal: AbortSignal): Promise<Worse[]> {
  const found: Worse[] = [];
  for (const one of worse.slice(0, MAX_WORSE)) {
    const rule = { id: one.id, status: one.reason };
    if (one.kind === "rule" && (await isStoppedByHand(engine.client, rule, signal))) continue;
    const isVague = one.kind === "rule" && found.length < MAX_ASKED && VAGUE.test(one.reason);
    const reason = isVague ? await reasonOf(one) : one.reason;
    found.push({ ...one, reason });
  }
  return found;

  async function reasonOf({ id, reason }: Worse): Promise<string> {
    return askWhyStopped(engine.client, id, signal).then(
      (why) => why || reason || "it does not run",
      () => reason,
    );
  }
}

/** A status without the reason. */
const VAGUE = /^[\w\s]*$/;
/** Rules that the engine is asked about one by one: with one plugin broken, hundreds may say the same. */
const MAX_ASKED = 50;
/** The most that a job's result names; jobs are kept for a long time. */
const MAX_WORSE = 200;

/** The installed plugins that the engine's process started with: what was changed since says nothing about it. */
export function installed({ store, engine }: RestartParts): InstalledPlugin[] {
  const waiting = new Set(engine.baseline.pending().map(pluginKey));
  const all = PLUGIN_TYPES.flatMap((type) =>
    Array.from(store.entries(type), ([name, entry]) => ({ id: { type, name }, entry })),
  );
  return all.filter(({ id }) => !waiting.has(pluginKey(id)));
}

export function isWell({ worse, reason }: Check): boolean {
  return worse.length === 0 && reason === undefined;
}

export function outcomeOf({ worse, reason }: Check): Outcome {
  return reason !== undefined && worse.length === 0 ? "unreachable" : "degraded";
}
