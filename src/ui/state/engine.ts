import { signal } from "@preact/signals";
import { api, change } from "../api/calls.ts";
import { isReachable } from "../api/connection.ts";
import type { EngineReport } from "../api/shapes.ts";

/** Whether this server stands in front of an engine; undefined until it has said so. */
const isInFront = signal<boolean | undefined>(undefined);

/** The engine and what waits for its restart; null where the server stands alone. `GET /engine` does not exist there. */
export async function askEngine(signal: AbortSignal): Promise<EngineReport | null> {
  // Of a server that was away this notices that it is back, and it may be set up otherwise now.
  if (isInFront.peek() === undefined || !isReachable.peek()) {
    const about = await api.about(signal);
    isInFront.value = "pluginServer" in about || "engine" in about;
  }
  return isInFront.peek() ? api.engine(signal) : null;
}

/** The job of the last restart that was asked for here, until somebody has seen its result. */
export const restartJob = signal<string | undefined>(undefined);

/** @throws ApiFailure */
export async function restartEngine(): Promise<void> {
  restartJob.value = await change.restartEngine();
}
