import pLimit from "p-limit";
import type { Compatibility, Verdict } from "../domain/compatibility.ts";
import { hasCode } from "../domain/errors.ts";
import { soPath } from "../domain/file-path.ts";
import type { Log } from "../domain/log.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { PluginEntry } from "../domain/plugin-entry.ts";
import type { PluginStore } from "../store/plugin-store.ts";
import { type CompatibilityCheck, toChecked } from "./compatibility-check.ts";

/** Inspections at once: more would only keep the disk from others. */
const AT_ONCE = 2;
/** Verdicts that are recorded with one write. */
const BATCH = 200;

/** Problems that can go without the engine or the plugin being another one. */
const OF_THE_SYSTEM: readonly string[] = ["LIBRARY_MISSING", "GLIBC_TOO_OLD"];

export interface VerdictsOptions {
  readonly store: PluginStore;
  readonly check: CompatibilityCheck;
  readonly log: Log;
}

/** An installed plugin, its entry with the verdict as of now. */
export interface Judged {
  readonly id: PluginId;
  readonly entry: PluginEntry;
}

/** The verdicts on the installed plugins, computed anew when the engine's binary or a .so is another one. */
export class Verdicts {
  readonly #options: VerdictsOptions;
  readonly #inTurn = pLimit(AT_ONCE);

  constructor(options: VerdictsOptions) {
    this.#options = options;
  }

  /** Those of the plugins that are installed, with the verdict as of now; without one where nothing is inspected. */
  async of(ids: readonly PluginId[]): Promise<Judged[]> {
    return this.#look(ids, () => false);
  }

  /** What the verdict would be if another binary were the engine. It is not recorded. */
  async against(engine: string, id: PluginId, entry: PluginEntry): Promise<Compatibility> {
    return this.#inTurn(() => this.#options.check.inspect(this.#soFile(id, entry), id, entry, { engine }));
  }

  /** Looks at every plugin, as at the start, and says in the log what the engine will not load. */
  async refresh(ids: readonly PluginId[]): Promise<void> {
    const { check, log } = this.#options;
    if (!check.isOn) return;
    const counts: Partial<Record<Verdict, number>> = {};
    for (let from = 0; from < ids.length; from += BATCH) {
      for (const { id, entry } of await this.#look(ids.slice(from, from + BATCH), dependsOnTheSystem)) {
        if (entry.compatibility === undefined) continue;
        const { verdict, problems } = entry.compatibility;
        counts[verdict] = (counts[verdict] ?? 0) + 1;
        if (verdict !== "incompatible") continue;
        const [problem] = problems;
        log.warn(
          { plugin: id, problem: problem?.code, reason: problem?.message },
          "the engine will not load this plugin",
        );
      }
    }
    log.info({ plugins: counts }, "the installed plugins were compared with the engine");
  }

  async #look(ids: readonly PluginId[], isDoubtful: (entry: PluginEntry) => boolean): Promise<Judged[]> {
    const { store } = this.#options;
    const judged: Judged[] = [];
    for (let from = 0; from < ids.length; from += BATCH) {
      const known = ids.slice(from, from + BATCH).flatMap((id) => {
        const entry = store.get(id);
        return entry === undefined ? [] : [{ id, entry }];
      });
      const updates = await Promise.all(
        known.map(async ({ id, entry }) => ({ id, from: entry, to: await this.#judge(id, entry, isDoubtful) })),
      );
      await store.refreshEntries(updates.filter(({ from, to }) => from !== to));
      judged.push(...updates.map(({ id, to }) => ({ id, entry: to })));
    }
    return judged;
  }

  /** The entry itself where nothing is to be changed. */
  async #judge(id: PluginId, entry: PluginEntry, isDoubtful: (entry: PluginEntry) => boolean): Promise<PluginEntry> {
    const { check, log } = this.#options;
    if (!check.isOn) return entry;
    const soFile = this.#soFile(id, entry);
    try {
      const basis = await check.basisOf(soFile);
      if (entry.compatibility?.basis === basis && !isDoubtful(entry)) return entry;
      const { exports: _, ...rest } = entry;
      return { ...rest, ...toChecked(id, await this.#inTurn(() => check.inspect(soFile, id, entry)), basis) };
    } catch (err) {
      if (!hasCode(err, "ENOENT")) log.warn({ err, plugin: id }, "a plugin's .so can't be inspected");
      const { compatibility: _, ...unjudged } = entry;
      return entry.compatibility === undefined ? entry : unjudged;
    }
  }

  #soFile({ type }: PluginId, { soFile }: PluginEntry): string {
    return this.#options.store.layout.absolute(soPath(type, soFile));
  }
}

function dependsOnTheSystem({ compatibility }: PluginEntry): boolean {
  return compatibility?.problems.some(({ code }) => OF_THE_SYSTEM.includes(code)) ?? false;
}
