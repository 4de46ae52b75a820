import type { Static } from "@sinclair/typebox";
import type { Caller } from "../domain/change.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineRestarts } from "../engine/restart/restarts.ts";
import type { JobRun, JobSuccess } from "../jobs/job.ts";
import type { Watch } from "../plugins/plugin-manager.ts";
import { usedByHeader } from "./messages.ts";
import { isOne, type RestartQuery } from "./schemas.ts";

/** The engine in front of which this server stands; undefined where it stands alone. */
export interface InFront {
  readonly engine: Engine | undefined;
  readonly restarts: EngineRestarts | undefined;
}

/** What a client said besides which change it wants. */
interface Wishes {
  readonly query: Static<typeof RestartQuery>;
  readonly caller: Caller;
}

/** Whether `?restart=1` or `?stop=1` is there. */
export function wantsRestart({ restart, stop }: Wishes["query"]): boolean {
  return isOne(restart) || isOne(stop);
}

/**
 * Makes a change, and restarts the engine after it where the request says so: the reply names the job of that. Where this
 * server can't restart an engine, the parameters mean what they mean to the original, and nothing is done here.
 *
 * @throws PluginError NOT_SUPPORTED before the change; what the change throws
 */
export async function thenRestart(
  { restarts }: Pick<InFront, "restarts">,
  { query, caller }: Wishes,
  change: () => Promise<JobSuccess>,
): Promise<JobSuccess> {
  if (!restarts?.isOffered || !wantsRestart(query)) return change();
  await restarts.requireSupported();
  const done = await change();
  return { ...done, headers: { ...done.headers, job: `/jobs/${restarts.request(caller).id}` } };
}

/**
 * The same for a plugin that is installed: the reply names the rules that use it, which may protect it.
 *
 * @param change is to call `permit` before it changes anything
 * @throws PluginError PLUGIN_IN_USE, from `permit`, and as `thenRestart`
 */
export async function changeInstalled(
  plugin: PluginId,
  { engine, restarts }: InFront,
  wishes: Wishes,
  run: JobRun,
  change: (watch: Watch) => Promise<JobSuccess>,
): Promise<JobSuccess> {
  const use = engine?.guard.change(plugin, isOne(wishes.query.force));
  return thenRestart({ restarts }, wishes, async () => {
    const done = await change({ ...run, permit: use?.permit });
    return { ...done, headers: { ...done.headers, ...usedByHeader((await use?.rules()) ?? []) } };
  });
}
