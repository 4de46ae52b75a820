import { PluginError } from "../../domain/errors.ts";
import { isObject, membersOf } from "../../lib/objects.ts";
import { isFrom } from "../engine-version.ts";
import type { Ask } from "../questions.ts";
import { listedRules } from "../rule-list.ts";
import { MAX_RULES } from "../state/rule-statuses.ts";

/** A rule as the engine has it, and the plugins that it was said to need together with some other rules. */
export interface RuleText {
  readonly id: string;
  readonly text: string;
  readonly group: RuleGroup;
}

/** Rules that were exported together. */
export interface RuleGroup {
  /** `sources_random`: the plugins that they need, of those that the engine has. */
  readonly plugins: ReadonlySet<string>;
}

/** Rules of one export: with more of them, replies come near `engine.maxReplyBytes`. */
const EXPORTED_TOGETHER = 100;

/**
 * The texts of all rules: from 1.9 on from exports of many rules, before that of one after the other.
 *
 * @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED
 */
export async function askRuleTexts(version: string, ask: Ask): Promise<RuleText[]> {
  const ids = listedRules(await ask("/rules")).map(({ id }) => id);
  const known = ids.filter((id) => id !== "").slice(0, MAX_RULES);
  if (!isFrom(version, 1, 9)) return askOneByOne(known, ask);
  const groups = Array.from({ length: Math.ceil(known.length / EXPORTED_TOGETHER) }, (_, index) =>
    known.slice(index * EXPORTED_TOGETHER, (index + 1) * EXPORTED_TOGETHER),
  );
  const exported = await Promise.all(groups.map((group) => askTogether(group, ask)));
  return exported.flat();
}

/** The plugins that one rule needs, of those that the engine has: `sources_random`. */
export async function askPluginsOf(id: string, ask: Ask): Promise<ReadonlySet<string>> {
  return pluginsIn(await ask("/data/export", [id]));
}

/** An export has all uploaded files in it, so that it can be too large to be read. */
async function askTogether(ids: readonly string[], ask: Ask): Promise<RuleText[]> {
  const exported = await ask("/data/export", ids).catch(() => undefined);
  if (!isObject(exported)) return askOneByOne(ids, ask);
  const texts = membersOf(exported.rules);
  const group = { plugins: pluginsIn(exported) };
  return ids.map((id) => ({ id, text: textOf(texts[id]), group }));
}

async function askOneByOne(ids: readonly string[], ask: Ask): Promise<RuleText[]> {
  const group = { plugins: new Set<string>() };
  const texts = await Promise.all(ids.map((id) => ask(`/rules/${encodeURIComponent(id)}`).catch(gone)));
  return ids.map((id, index) => ({ id, text: textOf(texts[index]), group }));
}

function pluginsIn(exported: unknown): ReadonlySet<string> {
  return new Set(Object.keys(membersOf(membersOf(exported).nativePlugins)));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

/** A rule that was deleted since it was listed uses nothing. */
function gone(error: unknown): undefined {
  if (error instanceof PluginError && error.code === "ENGINE_REFUSED") return undefined;
  throw error;
}
