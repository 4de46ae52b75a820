import { PLUGIN_TYPES, type PluginId, type PluginType } from "../../domain/plugin.ts";
import { membersOf } from "../../lib/objects.ts";
import type { Ask } from "../questions.ts";

/** The names of plugins that an engine lists, by type. */
export type Listed = Readonly<Record<PluginType, ReadonlySet<string>>>;

/** @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED */
export async function askListed(ask: Ask): Promise<Listed> {
  const lists = await Promise.all(PLUGIN_TYPES.map(async (type) => [type, await askNames(type, ask)] as const));
  return Object.fromEntries(lists) as unknown as Listed;
}

/** An empty list can be null: Go's JSON of no list. */
async function askNames(type: PluginType, ask: Ask): Promise<ReadonlySet<string>> {
  const names = await ask(`/plugins/${type}`);
  return new Set(Array.isArray(names) ? names.filter((name) => typeof name === "string") : []);
}

/** A plugin as the engine describes it. */
export interface EnginePlugin {
  /** Without the leading `v`. */
  readonly version: string | undefined;
  /** What is registered there for a function plugin. */
  readonly functions: readonly string[];
}

/** @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED for one that it does not have */
export async function askPlugin({ type, name }: PluginId, ask: Ask): Promise<EnginePlugin> {
  const { version, functions } = membersOf(await ask(`/plugins/${type}/${encodeURIComponent(name)}`));
  return {
    version: typeof version === "string" ? version.replace(/^v/, "") : undefined,
    functions: Array.isArray(functions) ? functions.filter((one) => typeof one === "string") : [],
  };
}
