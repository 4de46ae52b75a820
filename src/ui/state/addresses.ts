import { type PackageId, PLUGIN_TYPES } from "../../domain/plugin.ts";
import type { PluginId } from "../api/shapes.ts";

/** Where the page shows that plugin. */
export function pluginAddress({ type, name }: PackageId): string {
  return `#/plugins/${type}/${encodeURIComponent(name)}`;
}

/** Where the page shows that job. */
export function jobAddress(id: string): string {
  return `#/jobs/${encodeURIComponent(id)}`;
}

interface AddressParts {
  readonly type?: string | undefined;
  readonly name?: string | undefined;
}

/** Which plugin an address such as `/plugins/sinks/file` names; undefined where there is no such type. */
export function pluginAt({ type, name }: AddressParts): PluginId | undefined {
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
