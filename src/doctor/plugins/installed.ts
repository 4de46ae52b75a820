import { PLUGIN_TYPES, type PluginId } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import type { Situation } from "../situation.ts";

/** Every plugin of the registry, by type and name; undefined where it can't be used, which another check says. */
export async function installed({ registry }: Situation): Promise<(readonly [PluginId, PluginEntry])[] | undefined> {
  const read = await registry().catch(() => undefined);
  if (read === undefined) return undefined;
  return PLUGIN_TYPES.flatMap((type) =>
    [...(read.content?.[type] ?? [])].map(([name, entry]) => [{ type, name }, entry] as const),
  );
}
