import { isFoundByEngine, type PluginId } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { namedVersion } from "../../domain/versions.ts";
import { quoted } from "../../lib/text.ts";
import type { PendingChange } from "../baseline.ts";
import { opensAtStart } from "../engine-version.ts";
import { blames } from "./blame.ts";
import type { Look } from "./engine-look.ts";

/** Whether the engine's process has a plugin as it is installed. */
export interface PluginState {
  readonly engine: "loaded" | "restart-required" | "failed" | "unknown";
  /** Why, for people. Absent where it is loaded. */
  readonly engineReason?: string;
}

export interface StateFacts {
  readonly id: PluginId;
  readonly entry: PluginEntry;
  /** The names by which rules look it up. */
  readonly names: readonly string[];
  /** The change of it that waits for a restart. */
  readonly pending: PendingChange | undefined;
  readonly look: Look;
  /** The version that the engine says it has; undefined where it was not asked. */
  readonly version: string | undefined;
  /** Whether a rule that uses it runs, which proves that it works. */
  readonly isRunning: boolean;
}

export function stateOf(facts: StateFacts): PluginState {
  const { id, pending, look } = facts;
  if (pending !== undefined) return { engine: "restart-required", engineReason: pendingReason(pending) };
  const isListed = look.listed[id.type].has(id.name);
  const blaming = facts.isRunning ? undefined : look.rules.find(({ words }) => blames(words, facts, isListed));
  const said = blaming && `rule ${quoted(blaming.id)} stopped: ${quoted(blaming.words, MAX_WORDS)}`;
  if (!isListed)
    return { engine: "failed", engineReason: said ? `${unlistedReason(look)}; ${said}` : unlistedReason(look) };
  if (said !== undefined) return { engine: "failed", engineReason: said };
  const { version } = facts;
  if (version === DELETED)
    return { engine: "restart-required", engineReason: "it was deleted in the engine; restart the engine" };
  if (version !== undefined && version !== facts.entry.version && isFoundByEngine(facts.entry.soFile)) {
    const has = `the engine has ${namedVersion(version, "a ")} of it, and ${namedVersion(facts.entry.version, "a ")} is installed`;
    return { engine: "restart-required", engineReason: `${has}; restart the engine` };
  }
  if (opensAtStart(look.about.version) || facts.isRunning) return { engine: "loaded" };
  const when = "opens a plugin when a rule first uses it, and no rule that runs uses this one";
  return { engine: "unknown", engineReason: `the engine knows it; version ${quoted(look.about.version)} ${when}` };
}

const MAX_WORDS = 500;
/** The version of a plugin that the engine has deleted: it is listed until its restart. */
const DELETED = "$deleted";

function pendingReason({ change, from, to }: PendingChange): string {
  if (change === "install" || from === undefined)
    return "it was installed after the engine's start; restart the engine";
  if (from.version === to?.version) return "the engine has other files of this version; restart the engine";
  return `the engine has ${namedVersion(from.version, "a ")} of it, and ${namedVersion(to?.version ?? "", "a ")} is installed; restart the engine`;
}

function unlistedReason({ about: { version } }: Look): string {
  const elsewhere = "its folder of plugins is another one than this server's";
  return opensAtStart(version)
    ? `the engine does not list it: it could not open it (see the engine's log), or ${elsewhere}`
    : `the engine was started after the install and does not list it: ${elsewhere}`;
}
