import type { PluginType } from "../api/shapes.ts";

export const PLUGIN_TYPES = ["sources", "sinks", "functions"] as const satisfies readonly PluginType[];

export function isPluginType(type: string): type is PluginType {
  return PLUGIN_TYPES.some((one) => one === type);
}

/** A part of the address, which anybody may have written: where it is no encoded text, as it is. */
export function decodedPart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
