import { PLUGIN_TYPES, type PluginId, type PluginType } from "../../domain/plugin.ts";
import { membersOf, stringsIn } from "../../lib/objects.ts";
import { cutAt } from "../../lib/text.ts";
import type { Ask } from "../questions.ts";

/** The names of plugins that an engine lists, by type. */
export type Listed = Readonly<Record<PluginType, ReadonlySet<string>>>;

/** @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED */
export async function askListed(ask: Ask): Promise<Listed> {
  const lists = await Promise.all(PLUGIN_TYPES.map(async (type) => [type, await askNames(type, ask)] as const));
  return Object.fromEntries(lists) as unknown as Listed;
}

async function askNames(type: PluginType, ask: Ask): Promise<ReadonlySet<string>> {
  return new Set(stringsIn(await ask(`/plugins/${type}`)));
}

/** It is a part of a file's name, and no file has a longer one. */
const MAX_VERSION = 255;

/** A plugin as the engine describes it. */
export interface EnginePlugin {
  /** Without the leading `v`. */
  readonly version: string | undefined;
  /** What is registered there for a function plugin. */
  readonly functions: readonly string[];
}

/** @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED for one that it does not have */
export async function askPlugin({ type, name }: PluginId, ask: Ask): Promise<EnginePlugin> {
  return enginePluginIn(await ask(`/plugins/${type}/${encodeURIComponent(name)}`));
}

/** Reads the answer to `GET /plugins/T/N`. */
export function enginePluginIn(answer: unknown): EnginePlugin {
  const { version, functions } = membersOf(answer);
  return {
    version: typeof version === "string" ? cutAt(version.replace(/^v/, ""), MAX_VERSION) : undefined,
    functions: stringsIn(functions),
  };
}
