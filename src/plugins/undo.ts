import { PluginError } from "../domain/errors.ts";
import { type PluginId, pluginKey } from "../domain/plugin.ts";
import type { KeptVersion, PluginEntry } from "../domain/plugin-entry.ts";
import type { Workspace } from "../store/journal/workspace.ts";
import type { PluginStore } from "../store/plugin-store.ts";
import { isVersion, type RecognisedVersion } from "../store/versions/version-list.ts";
import { ChangeRun } from "./change-run.ts";
import type { Follower, PipelineParts } from "./pipeline.ts";

/** A change that is to be undone. */
export interface UndoneChange {
  readonly plugin: PluginId;
  /** What was there before; absent where nothing was. */
  readonly from?: RecognisedVersion;
  /** What the change put into its place; absent for a delete. */
  readonly to?: RecognisedVersion;
  /** For the list of versions, in which an undone version stays. */
  readonly reason: string;
}

/** `changed`: somebody has changed the plugin since, which is left as it is. */
export type UndoOutcome = "undone" | "changed";

/**
 * Brings back what was there before a change. It ran before, so neither the verdict nor a signature is asked for again. It
 * can be repeated after being interrupted anywhere.
 *
 * @throws PluginError VERSION_NOT_FOUND where it is not kept, or a storage error; StageFailure; nothing has changed then
 */
export async function undoChange(
  { plugin: id, from, to, reason }: UndoneChange,
  follower: Follower,
  { queue, store, functionNames }: PipelineParts,
): Promise<UndoOutcome> {
  using place = await queue.enter(pluginKey(id), follower.signal);
  using run = new ChangeRun({ plugin: id, signal: place.signal, log: follower.log });
  const present = await store.lookUp(id);
  if (isThere(present, from)) return "undone"; // by an earlier attempt, which was cut off after it
  if (!isThere(present, to)) return "changed";
  const target = from && beforeChange(store, id, present, from);
  using _claimed = functionNames.claim(id, target?.functions ?? []);
  await using work = await store.workspace(id);
  const facts = { version: from?.version ?? "" };
  await run.stage("commit", facts, () => undone(store, id, { present, target, reason }, work));
  return "undone";
}

interface Undoing {
  readonly present: PluginEntry | undefined;
  readonly target: KeptVersion | undefined;
  readonly reason: string;
}

async function undone(store: PluginStore, id: PluginId, { present, target, reason }: Undoing, work: Workspace) {
  if (present !== undefined && target !== undefined) return store.undoUpdate(id, present, target, reason, work);
  if (present !== undefined) return store.undoInstall(id, present, work);
  const deleted = store.replacedOf(id);
  return deleted && store.undoDelete(id, deleted, work); // there is one: the target was found in it
}

/** Also where both are none. */
function isThere(entry: PluginEntry | undefined, known: RecognisedVersion | undefined): boolean {
  return entry === undefined || known === undefined ? entry === known : isVersion(entry, known);
}

/** @throws PluginError VERSION_NOT_FOUND */
function beforeChange(
  store: PluginStore,
  id: PluginId,
  present: PluginEntry | undefined,
  from: RecognisedVersion,
): KeptVersion {
  const replaced = store.replacedOf(id);
  if (replaced?.of === from.id) return replaced.version;
  const kept = present?.versions?.find((version) => version.id === from.id);
  if (kept !== undefined) return kept;
  const which =
    from.version === "" ? "the version that the engine had" : `version ${from.version}, which the engine had,`;
  throw new PluginError("VERSION_NOT_FOUND", `${which} is not kept: install it from its zip`);
}
