import { PluginError } from "../../domain/errors.ts";
import { pluginKey } from "../../domain/plugin.ts";
import type { Log } from "../../lib/log.ts";
import type { UndoneChange, UndoOutcome } from "../../plugins/undo.ts";
import type { Worse } from "./compare.ts";
import type { ProvenChange, RestartState } from "./restart-journal.ts";

/** See `PluginManager.undo`. */
export type Undo = (change: UndoneChange, log: Log) => Promise<UndoOutcome>;

interface Undoing {
  readonly log: Log;
  readonly closing: AbortSignal;
}

/**
 * Undoes the changes of a restart, one after the other. One that can't be undone, or that somebody has changed again, does
 * not keep the others.
 *
 * @throws PluginError SHUTTING_DOWN; those that are undone by then are found so by the next attempt
 */
export async function undoChanges(
  { changes, worse, reason }: RestartState,
  undo: Undo,
  { log, closing }: Undoing,
): Promise<Pick<RestartState, "undone" | "notUndone">> {
  const why = reason ?? whyUndone(worse);
  const undone: ProvenChange[] = [];
  const notUndone: (ProvenChange & { reason: string })[] = [];
  for (const change of changes) {
    const { type, name, from, to } = change;
    const plugin = { type, name };
    closing.throwIfAborted();
    try {
      const outcome = await undo({ plugin, reason: why, ...(from && { from }), ...(to && { to }) }, log);
      if (outcome === "undone") undone.push(change);
      else notUndone.push({ ...change, reason: "it was changed again meanwhile" });
      log.warn({ plugin, change: change.change, from: from?.version, to: to?.version, reason: why, outcome }, "undone");
    } catch (error) {
      if (!(error instanceof PluginError) || error.code === "SHUTTING_DOWN") throw error;
      log.error({ err: error, plugin }, "a change can't be undone");
      notUndone.push({ ...change, reason: error.message });
    }
  }
  return { undone, notUndone };
}

/** How many are named. */
const MAX_NAMED = 3;

/** For the list of versions. */
function whyUndone(worse: readonly Worse[]): string {
  const named = worse.slice(0, MAX_NAMED).map(({ kind, id, reason }) => `${kind} ${id}: ${reason}`);
  const more = worse.length > MAX_NAMED ? ` (and ${worse.length - MAX_NAMED} more)` : "";
  return named.join("; ") + more;
}

/** @returns the keys of the plugins, for the log */
export function keysOf(changes: readonly ProvenChange[]): string[] {
  return changes.map(pluginKey);
}
