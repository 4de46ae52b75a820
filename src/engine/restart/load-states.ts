import { PluginError } from "../../domain/errors.ts";
import { type PluginId, pluginKey } from "../../domain/plugin.ts";
import { parsedJson } from "../../lib/objects.ts";
import { printable, quoted } from "../../lib/text.ts";
import type { EngineClient } from "../engine-client.ts";
import { messageOf } from "../engine-message.ts";
import { enginePluginIn } from "../state/listed.ts";

/** What the engine's process has of a plugin. */
export interface LoadState {
  readonly isLoaded: boolean;
  /** Without a leading `v`; absent where the engine does not say. */
  readonly version?: string;
  /** The engine's own words for one that is not loaded. */
  readonly reason?: string;
}

/** Questions to the engine at the same time: with hundreds of plugins it has its rules to run as well. */
const CONCURRENCY = 4;

/**
 * Asks the engine for each of these plugins.
 *
 * @throws PluginError ENGINE_UNREACHABLE; ENGINE_REFUSED where it does not answer the question at all
 */
export async function askLoadStates(
  client: EngineClient,
  ids: readonly PluginId[],
  signal: AbortSignal,
): Promise<Map<string, LoadState>> {
  const states = new Map<string, LoadState>();
  const queue = ids.values();
  const work = async () => {
    for (const id of queue) states.set(pluginKey(id), await askLoadState(client, id, signal));
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return states;
}

async function askLoadState(client: EngineClient, { type, name }: PluginId, signal: AbortSignal): Promise<LoadState> {
  const path = `/plugins/${type}/${encodeURIComponent(name)}`;
  const { status, text } = await client.ask(path, { signal });
  // Engines answer 400 or 404 for a plugin that they don't have; anything else says nothing about the plugin.
  if (status === 400 || status === 404) return { isLoaded: false, reason: printable(messageOf(text)) };
  if (status !== 200) {
    const what = `${status} ${messageOf(text)}`;
    throw new PluginError("ENGINE_REFUSED", `the engine answers ${path} with ${quoted(what)}`);
  }
  const { version } = enginePluginIn(parsedJson(text));
  return { isLoaded: true, ...(version !== undefined && { version }) };
}
