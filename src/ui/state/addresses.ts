import type { PluginName, PluginType } from "../api/shapes.ts";

export const PLUGIN_TYPES = ["sources", "sinks", "functions"] as const satisfies readonly PluginType[];

interface AddressParts {
  readonly type?: string | undefined;
  readonly name?: string | undefined;
}

/** Which plugin an address such as `/plugins/sinks/file` names; undefined where there is no such type. */
export function pluginAt({ type, name }: AddressParts): PluginName | undefined {
  const known = PLUGIN_TYPES.find((one) => one === type);
  return known && name ? { type: known, name: decodedPart(name) } : undefined;
}

/** A part of the address, which anybody may have written: where it is no encoded text, as it is. */
export function decodedPart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
