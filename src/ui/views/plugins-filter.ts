import type { PluginRow, PluginType, Verdict } from "../api/shapes.ts";
import { originWords } from "../parts/origin.ts";

/** Which plugins to show; an empty field takes all. */
export interface PluginFilter {
  /** All of its words must be in the name, version, origin or reason. */
  readonly text: string;
  readonly type: PluginType | "";
  readonly verdict: Verdict | "";
}

export const ALL: PluginFilter = { text: "", type: "", verdict: "" };

export function filtered(plugins: readonly PluginRow[], { text, type, verdict }: PluginFilter): readonly PluginRow[] {
  const words = text
    .toLowerCase()
    .split(/\s/)
    .filter((word) => word !== "");
  return plugins.filter(
    (plugin) =>
      (type === "" || plugin.type === type) &&
      (verdict === "" || plugin.verdict === verdict) &&
      words.every((word) => searched(plugin).includes(word)),
  );
}

function searched({ type, name, version, origin, reason = "", engineReason = "", signature }: PluginRow): string {
  return [type, name, version, originWords(origin), reason, engineReason, signature?.by].join("\n").toLowerCase();
}
