import type { PluginId, PluginType } from "../../domain/plugin.ts";
import { Brief } from "../../lib/briefly.ts";
import { parsedJson } from "../../lib/objects.ts";
import type { Ask, Questions } from "../questions.ts";
import type { EngineAbout } from "../running-engine.ts";
import { MAX_RULES } from "../state/rule-statuses.ts";
import { needsOf, type RuleNeeds } from "./rule-needs.ts";
import { askPluginsOf, askRuleTexts, type RuleGroup, type RuleText } from "./rule-texts.ts";
import { askStreams, type Stream } from "./streams.ts";

/** What uses a plugin: ids of rules and names of streams and tables, each sorted. */
export interface UsedBy {
  readonly rules: readonly string[];
  readonly streams: readonly string[];
}

interface Rule extends RuleText {
  readonly needs: RuleNeeds;
}

/** The engine's rules and streams at one time. */
interface RulesAndStreams {
  readonly rules: readonly Rule[];
  /** Rules by what they need. */
  readonly using: Readonly<Record<PluginType, ReadonlyMap<string, readonly Rule[]>>>;
  readonly groups: ReadonlySet<RuleGroup>;
  readonly streams: readonly Stream[];
}

interface PluginUsageOptions {
  readonly questions: Questions;
  readonly about: () => Promise<EngineAbout>;
}

/** How long the engine's answer on one rule, by its id and text, is used again: its plugins can be changed. */
const REMEMBERED_MS = 60_000;

/**
 * Which rules and streams use a plugin. A rule's text says it: the type of its streams, its actions, the functions in its
 * SQL. From 1.9 on the engine says which plugins rules need as well; where their texts don't explain that, the rules are
 * asked for one by one.
 */
export class PluginUsage {
  readonly #questions: Questions;
  readonly #rules: Brief<RulesAndStreams>;
  readonly #plugins = new Map<string, { readonly at: number; readonly plugins: ReadonlySet<string> }>();

  constructor({ questions, about }: PluginUsageOptions) {
    this.#questions = questions;
    this.#rules = new Brief(() =>
      questions.within(async (ask) => {
        const { version } = await about();
        const [streams, texts] = await Promise.all([askStreams(version, ask), askRuleTexts(version, ask)]);
        const types = new Map(streams.map(({ name, type }) => [name.toLowerCase(), type]));
        const rules = texts.map((rule) => ({
          ...rule,
          needs: needsOf(parsedJson(rule.text), (name) => types.get(name)),
        }));
        const using = {
          sources: byNeed(rules, "sources"),
          sinks: byNeed(rules, "sinks"),
          functions: byNeed(rules, "functions"),
        };
        return { rules, using, groups: new Set(rules.map(({ group }) => group)), streams };
      }),
    );
  }

  /**
   * @param naming resolves to the names by which rules look the plugin up; the engine is asked meanwhile
   * @param maxAgeMs how old the answer may be
   * @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED
   */
  async of(id: PluginId, naming: Promise<readonly string[]>, maxAgeMs: number): Promise<UsedBy> {
    const [{ rules, using, groups, streams }, names] = await Promise.all([this.#rules.get(maxAgeMs), naming]);
    const wanted = new Set(names.map((name) => name.toLowerCase()));
    const byText = [...wanted].flatMap((name) => using[id.type].get(name) ?? []);
    const explained = new Set(byText.map(({ group }) => group));
    const unexplained = [...groups].filter((group) => group.plugins.has(exportKey(id)) && !explained.has(group));
    const found =
      unexplained.length === 0
        ? []
        : await this.#questions.within((ask) => this.#amongGroups(id, unexplained, rules, ask));
    const reading = id.type === "sources" ? streams.filter(({ type }) => wanted.has(type.toLowerCase())) : [];
    return {
      rules: sorted([...byText, ...found].map((rule) => rule.id)),
      streams: sorted(reading.map(({ name }) => name)),
    };
  }

  async #amongGroups(id: PluginId, groups: readonly RuleGroup[], rules: readonly Rule[], ask: Ask): Promise<Rule[]> {
    const asked = rules.filter(({ group }) => groups.includes(group));
    const answers = await Promise.all(asked.map((rule) => this.#pluginsOf(rule, ask)));
    return asked.filter((_, index) => answers[index]?.has(exportKey(id)));
  }

  async #pluginsOf({ id, text }: Rule, ask: Ask): Promise<ReadonlySet<string>> {
    const key = `${id}\0${text}`;
    const known = this.#plugins.get(key);
    if (known !== undefined && performance.now() - known.at < REMEMBERED_MS) return known.plugins;
    const plugins = await askPluginsOf(id, ask);
    if (this.#plugins.size >= MAX_RULES) this.#plugins.clear();
    this.#plugins.set(key, { at: performance.now(), plugins });
    return plugins;
  }
}

/** As the engine names a plugin in an export. */
function exportKey({ type, name }: PluginId): string {
  return `${type}_${name}`;
}

function byNeed(rules: readonly Rule[], type: PluginType): ReadonlyMap<string, readonly Rule[]> {
  const using = new Map<string, Rule[]>();
  for (const rule of rules) {
    for (const name of rule.needs[type]) {
      const known = using.get(name);
      if (known === undefined) using.set(name, [rule]);
      else known.push(rule);
    }
  }
  return using;
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
