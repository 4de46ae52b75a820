import { PluginError } from "../../domain/errors.ts";
import { type WellBefore, wellIn } from "./compare.ts";
import { sight } from "./new-process.ts";
import {
  type Check,
  installed,
  isWell,
  outcomeOf,
  type RestartParts,
  type RestartRun,
  restartAndCheck,
} from "./restart-and-check.ts";
import { provenChange, type RestartState, withApplied } from "./restart-journal.ts";
import { type Outcome, type RestartResult, undoneView } from "./restart-result.ts";
import { takeSnapshot } from "./snapshot.ts";
import { undoChanges } from "./undo-changes.ts";

/**
 * Restarts the engine with the changes that wait for it, looks whether everything runs that ran before, and undoes the
 * changes where it does not: at most once, and with one more restart. Each step that can't be taken back is in the journal
 * before, so that `resumed` goes on where an earlier process was cut off.
 *
 * @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED, ENGINE_RESTART_FAILED, CANCELLED: nothing was restarted then.
 *   SHUTTING_DOWN: it is to be resumed
 */
export async function restartEngine(
  parts: RestartParts,
  run: RestartRun,
  resumed?: RestartState,
): Promise<RestartResult> {
  const { config, journal } = parts;
  let state = resumed ?? (await begin(parts, run));
  let output: readonly string[] = [];
  let running: number | undefined;
  if (state.phase === "restart") {
    const check = await restartAndCheck(state, parts, run, resumed !== undefined);
    ({ output, running } = check);
    if (isWell(check)) return end("healthy");
    const { worse, reason } = check;
    state = { ...state, worse: [...worse], ...(reason !== undefined && { reason }) };
    if (config.onFailure === "keep" || state.changes.length === 0) return end(outcomeOf(check));
    state = await journal.write({ ...state, changes: withApplied(state.changes, run.applied), phase: "undo" });
  }
  if (state.phase === "undo") {
    run.progress.stage("undo");
    const { undone, notUndone } = await undoChanges(state, parts.undo, run);
    state = { ...state, undone, notUndone, phase: "again" };
    if (undone.length === 0) return end(state.reason === undefined ? "degraded" : "unreachable");
    state = await journal.write(await withProcess(state, parts, run.closing));
  }
  const isResumed = resumed?.phase === "again";
  const again = await restartAndCheck(state, parts, run, isResumed).catch((error) => failedAgain(error, state));
  ({ output, running } = again);
  if (isWell(again)) return end("rolled-back");
  state = { ...state, worse: [...again.worse], ...(again.reason !== undefined && { reason: again.reason }) };
  return end(outcomeOf(again));

  async function end(outcome: Outcome): Promise<RestartResult> {
    await journal.remove();
    const { worse, undone, notUndone, reason } = state;
    return {
      outcome,
      worse,
      undone: undone.map(undoneView),
      rules: { before: state.well.rules.length, after: running ?? null },
      ...(notUndone.length > 0 && { notUndone: notUndone.map((one) => ({ ...undoneView(one), reason: one.reason })) }),
      ...(reason !== undefined && { reason }),
      ...(output.length > 0 && { output }),
    };
  }
}

/** The snapshot, and the journal of the restart with the changes that are to be proven. */
async function begin(parts: RestartParts, run: RestartRun): Promise<RestartState> {
  const { engine, config, journal } = parts;
  run.progress.stage("snapshot");
  run.wanted.throwIfAborted();
  const well = await wellBefore(parts, run).catch((error) => {
    // A command may start an engine that is down; asking it to end itself is no way to do that.
    if (config.restart === "stop" || !isUnreachable(error)) throw error;
    run.log.warn({ reason: error.message }, "the engine is down before its restart: no rule ran, as far as is known");
    return { rules: [], plugins: [] };
  });
  run.wanted.throwIfAborted();
  run.onBegun();
  const state = {
    schema: 1,
    phase: "restart",
    since: 0,
    worse: [],
    undone: [],
    notUndone: [],
    resumed: 0,
  } as const;
  const changes = engine.baseline.pending().map(provenChange);
  const kept = { rules: [...well.rules], plugins: [...well.plugins] };
  const next = { ...state, well: kept, changes, worse: [], undone: [], notUndone: [] };
  return journal.write(await withProcess(next, parts, run.closing));
}

async function wellBefore(parts: RestartParts, run: RestartRun): Promise<WellBefore> {
  const { engine } = parts;
  engine.forget();
  await engine.about();
  return wellIn(await takeSnapshot(engine.client, installed(parts), run.closing));
}

/** The state with what tells the present process of the engine from the next one. */
async function withProcess(state: RestartState, { engine }: RestartParts, signal: AbortSignal): Promise<RestartState> {
  const { before: _, ...rest } = state;
  const seen = await sight(engine.client, signal).catch((error) => {
    if (error instanceof PluginError) return undefined;
    throw error;
  });
  return { ...rest, since: Date.now(), ...(seen && { before: seen.latest }) };
}

function isUnreachable(error: unknown): boolean {
  return error instanceof PluginError && error.code === "ENGINE_UNREACHABLE";
}

/** The restart after an undo did not take place: the engine still runs what was undone. */
function failedAgain(error: unknown, { worse }: RestartState): Check {
  if (!(error instanceof PluginError) || error.code !== "ENGINE_RESTART_FAILED") throw error;
  return { worse: worse.length > 0 ? worse : [], reason: error.message, output: [] };
}
