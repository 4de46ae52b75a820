import { PluginError } from "../../domain/errors.ts";
import { type PluginId, pluginKey } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { lookedUpNames } from "../../plugins/function-names.ts";
import type { Baseline, PendingChange } from "../baseline.ts";
import { opensAtStart } from "../engine-version.ts";
import type { Questions } from "../questions.ts";
import type { PluginUsage, UsedBy } from "../usage/plugin-usage.ts";
import type { EngineLook, Look } from "./engine-look.ts";
import { askPlugin, type EnginePlugin } from "./listed.ts";
import { type PluginState, stateOf } from "./plugin-state.ts";

interface PluginStatesOptions {
  readonly installed: (id: PluginId) => PluginEntry | undefined;
  readonly baseline: Baseline;
  readonly look: EngineLook;
  readonly usage: PluginUsage;
  readonly questions: Questions;
}

/** What `GET /plugins/T/N` says besides what is installed. */
export interface PluginInEngine extends PluginState {
  /** null where the engine can't be asked. */
  readonly usedBy: UsedBy | null;
}

/** How old a look at the rules may be: the list of an old engine's plugins needs all rules' texts. */
const LISTED_MS = 10_000;
const DESCRIBED_MS = 1000;
const NOT_ASKED = Promise.resolve(undefined);

/** Whether the engine has the plugins as they are installed. Nothing here throws for an engine that can't be asked. */
export class PluginStates {
  readonly #options: PluginStatesOptions;

  constructor(options: PluginStatesOptions) {
    this.#options = options;
  }

  /** By `pluginKey`, of those that are installed. */
  async of(ids: readonly PluginId[]): Promise<ReadonlyMap<string, PluginState>> {
    const look = await this.#options.look.take().catch(failure);
    const isRunning = look instanceof PluginError ? undefined : await this.#runs(look, ids);
    const pending = this.#pending();
    return new Map(
      ids.map((id) => {
        const key = pluginKey(id);
        return [key, this.#stateOf(id, look, { pending, isRunning: isRunning?.has(key) ?? false })];
      }),
    );
  }

  /** How many rules need each of the plugins, by `pluginKey`; undefined where the engine can't be asked. */
  async ruleCounts(ids: readonly PluginId[]): Promise<ReadonlyMap<string, number> | undefined> {
    const counts = new Map<string, number>();
    for (const id of ids) {
      const usedBy = await this.usedBy(id, LISTED_MS, NOT_ASKED).catch(failure);
      if (usedBy instanceof PluginError) return undefined;
      counts.set(pluginKey(id), usedBy.rules.length);
    }
    return counts;
  }

  /** One plugin, for which the engine is asked more than for a list. */
  async describe(id: PluginId): Promise<PluginInEngine> {
    const { look: looks } = this.#options;
    const asked = this.#ask(id);
    const [look, usedBy, plugin] = await Promise.all([
      looks.take().catch(failure),
      this.usedBy(id, DESCRIBED_MS, asked).catch(failure),
      asked,
    ]);
    const isAnswered = !(look instanceof PluginError) && !(usedBy instanceof PluginError);
    const isRunning = isAnswered && anyRuns(usedBy, runningRules(look));
    const state = this.#stateOf(id, look, { pending: this.#pending(), isRunning, version: plugin?.version });
    if (!(usedBy instanceof PluginError)) return { ...state, usedBy };
    const engineReason = state.engineReason ?? `which rules use it can't be asked: ${usedBy.message}`;
    return { ...state, engineReason, usedBy: null };
  }

  /**
   * @param asked what the engine says of the plugin: it can have names of functions of its own
   * @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED
   */
  async usedBy(id: PluginId, maxAgeMs: number, asked = this.#ask(id)): Promise<UsedBy> {
    const { usage, installed } = this.#options;
    const names = lookedUpNames(id, installed(id) ?? {});
    const naming = asked.then((plugin) => [...names, ...(plugin?.functions ?? [])]);
    return usage.of(id, naming, maxAgeMs);
  }

  /** Undefined where it does not have it, or can't be asked. */
  async #ask(id: PluginId): Promise<EnginePlugin | undefined> {
    return this.#options.questions.within((ask) => askPlugin(id, ask)).catch(() => undefined);
  }

  #stateOf(
    id: PluginId,
    look: Look | PluginError,
    facts: {
      readonly pending: ReadonlyMap<string, PendingChange>;
      readonly isRunning: boolean;
      readonly version?: string | undefined;
    },
  ): PluginState {
    if (look instanceof PluginError) return { engine: "unknown", engineReason: look.message };
    const entry = this.#options.installed(id);
    if (entry === undefined) return { engine: "unknown", engineReason: "it was deleted just now" };
    const { pending, isRunning, version } = facts;
    const names = lookedUpNames(id, entry);
    return stateOf({ id, entry, names, pending: pending.get(pluginKey(id)), look, version, isRunning });
  }

  #pending(): ReadonlyMap<string, PendingChange> {
    return new Map(this.#options.baseline.pending().map((change) => [pluginKey(change), change]));
  }

  /** Which of the plugins a running rule proves to work: of interest where an engine lists what it has not opened. */
  async #runs(look: Look, ids: readonly PluginId[]): Promise<ReadonlySet<string>> {
    const proven = new Set<string>();
    if (opensAtStart(look.about.version)) return proven;
    const running = runningRules(look);
    for (const id of ids.filter(({ type, name }) => look.listed[type].has(name))) {
      const usedBy = await this.usedBy(id, LISTED_MS, NOT_ASKED).catch(failure);
      if (usedBy instanceof PluginError) break;
      if (anyRuns(usedBy, running)) proven.add(pluginKey(id));
    }
    return proven;
  }
}

function runningRules({ rules }: Look): ReadonlySet<string> {
  return new Set(rules.filter(({ isRunning }) => isRunning).map(({ id }) => id));
}

function anyRuns({ rules }: UsedBy, running: ReadonlySet<string>): boolean {
  return rules.some((id) => running.has(id));
}

function failure(error: unknown): PluginError {
  if (error instanceof PluginError) return error;
  throw error;
}
