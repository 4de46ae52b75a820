import { namedVersion } from "../../domain/versions.ts";
import type { LoadState } from "./load-states.ts";
import type { RuleState } from "./rule-states.ts";

/** The engine at one moment: its rules by their ids, and the installed plugins by their keys. */
export interface Snapshot {
  readonly rules: ReadonlyMap<string, RuleState>;
  readonly plugins: ReadonlyMap<string, LoadState & { readonly installed: string }>;
}

/** What was well before a restart: all that is kept of a snapshot. */
export interface WellBefore {
  /** Ids of the rules that ran. */
  readonly rules: readonly string[];
  /** Keys of the plugins that were loaded in the version that was installed. */
  readonly plugins: readonly string[];
}

/** What is worse than before, with the engine's own words. */
export interface Worse {
  readonly kind: "plugin" | "rule";
  /** Of a plugin its type and name: `sources/random`. */
  readonly id: string;
  readonly reason: string;
}

/** Somebody stopped the rule meanwhile, which is no fault of the restart's. Kuiper 1.0 has "or by error" behind it. */
const STOPPED_BY_HAND = /cancell?ed manually(?! or)/i;

export function wellIn({ rules, plugins }: Snapshot): WellBefore {
  return {
    rules: [...rules].filter(([, { runs }]) => runs).map(([id]) => id),
    plugins: [...plugins].filter(([, plugin]) => objection(plugin) === undefined).map(([key]) => key),
  };
}

/**
 * What is worse now: a rule that ran and does not, and a plugin that is not loaded as it is installed although it was, or
 * although it was changed. What was broken before and was not touched is not worse. Pure.
 *
 * @param changed keys of the plugins that the restart was for
 */
export function worseThan(before: WellBefore, now: Snapshot, changed: ReadonlySet<string>): Worse[] {
  const expected = new Set([...before.plugins, ...changed]);
  const plugins = [...now.plugins].flatMap(([id, plugin]): Worse[] => {
    const reason = expected.has(id) ? objection(plugin) : undefined;
    return reason === undefined ? [] : [{ kind: "plugin", id, reason }];
  });
  const rules = before.rules.flatMap((id): Worse[] => {
    const rule = now.rules.get(id);
    if (rule === undefined) return [{ kind: "rule", id, reason: "the engine does not have the rule any more" }];
    if (rule.runs || STOPPED_BY_HAND.test(rule.status)) return [];
    return [{ kind: "rule", id, reason: rule.status }];
  });
  return [...plugins, ...rules];
}

function objection({ isLoaded, version, installed, reason }: LoadState & { readonly installed: string }) {
  if (!isLoaded) return reason || "the engine has not loaded it";
  if (version === undefined || version === installed) return undefined;
  return `the engine has loaded ${namedVersion(version, "the ")} of it, and ${namedVersion(installed, "the ")} is installed`;
}
