import { membersOf } from "../../lib/objects.ts";
import { cutAt } from "../../lib/text.ts";
import type { Ask } from "../questions.ts";
import { type ListedRule, listedRules } from "../rule-list.ts";

/** A rule of the engine, and whether it runs. */
export interface RuleStatus {
  readonly id: string;
  readonly isRunning: boolean;
  /** Why it does not, in the engine's words; empty where it says nothing. */
  readonly words: string;
}

/** More rules than a device runs; further ones are left out. */
export const MAX_RULES = 10_000;
/** How many rules that failed are asked for their words at one time: one tells as much as a hundred. */
const MAX_ASKED = 20;
const MAX_WORDS = 1000;

/**
 * The rules and their statuses. Until 1.13 the list has the engine's words (`Stopped: …`); since 2.0 it says
 * `stopped by error`, and each rule's status has the message.
 *
 * @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED
 */
export async function askRuleStatuses(ask: Ask): Promise<RuleStatus[]> {
  const rules = listedRules(await ask("/rules"))
    .slice(0, MAX_RULES)
    .map(toStatus);
  const wordless = rules.filter(({ id, words }) => id !== "" && words === BY_ERROR).slice(0, MAX_ASKED);
  const found = new Map(await Promise.all(wordless.map(async ({ id }) => [id, await askWords(id, ask)] as const)));
  return rules.map((rule) => ({ ...rule, words: found.get(rule.id) ?? (rule.words === BY_ERROR ? "" : rule.words) }));
}

const BY_ERROR = "stopped by error";

function toStatus({ id, isRunning, status }: ListedRule): RuleStatus {
  return { id, isRunning, words: isRunning ? "" : status.replace(/^Stopped: /, "") };
}

/** Empty where it can't be asked: the rule may be gone by now. */
async function askWords(id: string, ask: Ask): Promise<string> {
  const { message } = membersOf(await ask(`/rules/${encodeURIComponent(id)}/status`).catch(() => undefined));
  return typeof message === "string" ? cutAt(message.replace(/^Stopped: /, ""), MAX_WORDS) : "";
}
