import { type PluginId, pluginKey } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import type { EngineClient } from "../engine-client.ts";
import type { Snapshot } from "./compare.ts";
import { askLoadStates } from "./load-states.ts";
import { askRules } from "./rule-states.ts";

/** An installed plugin, as it is compared with what the engine has. */
export interface InstalledPlugin {
  readonly id: PluginId;
  readonly entry: PluginEntry;
}

/**
 * Asks the engine which rules run, and what it has of each installed plugin.
 *
 * @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED
 */
export async function takeSnapshot(
  client: EngineClient,
  installed: readonly InstalledPlugin[],
  signal: AbortSignal,
): Promise<Snapshot> {
  const rules = await askRules(client, signal);
  const ids = installed.map(({ id }) => id);
  const states = await askLoadStates(client, ids, signal);
  const plugins = installed.flatMap(({ id, entry }) => {
    const state = states.get(pluginKey(id));
    return state === undefined ? [] : [[pluginKey(id), { ...state, installed: entry.version }] as const];
  });
  return { rules, plugins: new Map(plugins) };
}
