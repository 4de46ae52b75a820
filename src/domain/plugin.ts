/** The kinds of plugin, in the order in which they are reported. They are path segments of the API and folder names. */
export const PLUGIN_TYPES = ["sources", "sinks", "functions"] as const;

export type PluginType = (typeof PLUGIN_TYPES)[number];

/** What identifies a plugin: names are unique within a type. */
export interface PluginId {
  readonly type: PluginType;
  readonly name: string;
}

/** `sources/random`: the key under which changes to one plugin are put in order, and its name in logs. */
export function pluginKey(id: PluginId): string {
  return `${id.type}/${id.name}`;
}
