import { isObject } from "../lib/objects.ts";
import { cutAt } from "../lib/text.ts";
import type { EngineClient } from "./engine-client.ts";

/** What the engine says of itself at `GET /`. */
export interface EngineAbout {
  readonly version: string;
  readonly upTimeSeconds: number;
  /** When its process started, to the second: the time of the answer less its up time. */
  readonly startedAt: Date;
}

/** @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED */
export async function askAbout(client: EngineClient, signal?: AbortSignal): Promise<EngineAbout> {
  const about = await client.json("/", { signal });
  const { version = "", upTimeSeconds = 0 } = isObject(about) ? about : {};
  const seconds = Math.max(0, Math.floor(Number(upTimeSeconds)) || 0);
  return {
    version: cutAt(String(version), 100),
    upTimeSeconds: seconds,
    startedAt: new Date(Date.now() - seconds * 1000),
  };
}

/** By how much two computed starts of one process may differ: up times are whole seconds, and answers take a while. */
const TOLERANCE_MS = 2500;

/** Whether the second of two answers comes from a process that was started later. */
export function isNewProcess(before: Pick<EngineAbout, "startedAt">, now: Pick<EngineAbout, "startedAt">): boolean {
  return now.startedAt.getTime() - before.startedAt.getTime() > TOLERANCE_MS;
}
