import type { Caller } from "../domain/change.ts";
import type { EngineRestarts } from "../engine/restart/restarts.ts";
import type { JobSuccess } from "../jobs/job.ts";
import { isOne } from "./schemas.ts";

/** Any type: unknown values are ignored. */
export interface RestartQuery {
  readonly restart?: unknown;
  readonly stop?: unknown;
}

/** Whether `?restart=1` or `?stop=1` is there. */
export function wantsRestart({ restart, stop }: RestartQuery): boolean {
  return isOne(restart) || isOne(stop);
}

/**
 * Makes a change, and restarts the engine after it where the request says so: the reply names the job of that. Where this
 * server can't restart an engine, the parameters mean what they mean to the original, and nothing is done here.
 *
 * @throws PluginError NOT_SUPPORTED before the change; what the change throws
 */
export async function thenRestart(
  restarts: EngineRestarts | undefined,
  query: RestartQuery,
  caller: Caller,
  change: () => Promise<JobSuccess>,
): Promise<JobSuccess> {
  if (!restarts?.isOffered || !wantsRestart(query)) return change();
  await restarts.requireSupported();
  const done = await change();
  return { ...done, headers: { ...done.headers, job: `/jobs/${restarts.request(caller).id}` } };
}
