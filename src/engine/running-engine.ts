import { PluginError } from "../domain/errors.ts";
import { isObject } from "../lib/objects.ts";
import { cutAt, quoted } from "../lib/text.ts";
import type { EngineClient } from "./engine-client.ts";

/** What the engine says of itself at `GET /`. */
export interface EngineAbout {
  readonly version: string;
  readonly upTimeSeconds: number;
  /** When its process started, at the earliest: when it was asked, less its up time. To the second. */
  readonly startedAt: Date;
  /** How long the answer took: it may have started later by that. Absent where that is nothing. */
  readonly tookMs?: number;
}

/** More than any up time, and little enough for every date: a clock that was set after the start can make it negative. */
const MAX_SECONDS = 1e11;

/** @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED */
export async function askAbout(client: EngineClient, signal?: AbortSignal): Promise<EngineAbout> {
  const askedAt = Date.now();
  const asked = performance.now();
  const about = await client.json("/", { signal });
  const tookMs = Math.ceil(performance.now() - asked);
  const { version, upTimeSeconds } = isObject(about) ? about : {};
  if (typeof upTimeSeconds !== "number" || Math.abs(upTimeSeconds) > MAX_SECONDS) {
    const what = `GET / with ${quoted(String(JSON.stringify(about)))}`;
    throw new PluginError("ENGINE_REFUSED", `what answers at ${client.url} (engine.url) is no engine: ${what}`);
  }
  const seconds = Math.floor(upTimeSeconds);
  return {
    version: typeof version === "string" ? cutAt(version, 100) : "",
    upTimeSeconds: seconds,
    startedAt: new Date(askedAt - seconds * 1000),
    tookMs,
  };
}

/** By how much two computed starts of one process may differ: both of the engine's times are cut to seconds. */
const TOLERANCE_MS = 2500;

type Start = Pick<EngineAbout, "startedAt" | "tookMs">;

/**
 * Whether two answers come from two processes. A start that seems to be earlier is another process as well: a clock that
 * ran ahead was set back, or the folder was copied from another machine.
 */
export function isNewProcess(before: Start, now: Start): boolean {
  const later = now.startedAt.getTime() - before.startedAt.getTime();
  return later > (before.tookMs ?? 0) + TOLERANCE_MS || -later > (now.tookMs ?? 0) + TOLERANCE_MS;
}
