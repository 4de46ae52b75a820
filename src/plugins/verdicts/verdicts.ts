import { isDeepStrictEqual } from "node:util";
import pLimit from "p-limit";
import type { Compatibility, Verdict } from "../../domain/compatibility.ts";
import { soPath } from "../../domain/file-path.ts";
import type { PluginId } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { EntryRefresh, PluginStore } from "../../store/plugin-store.ts";
import { type CompatibilityCheck, toChecked } from "./compatibility-check.ts";

/** Inspections at once: more would only keep the disk from others. */
const AT_ONCE = 2;
/** Verdicts that are recorded with one write. */
const BATCH = 200;
/** Doubtful plugins that one question looks at again; the start looks at all. */
const DOUBTFUL_AT_ONCE = 20;
/** How often a .so is looked for that changes keep moving. */
const LOOKS = 3;

/** Problems that can go without anything that a verdict's basis names being another one. */
const OF_THE_SYSTEM: readonly string[] = ["LIBRARY_MISSING", "GLIBC_TOO_OLD"];

interface VerdictsOptions {
  readonly store: PluginStore;
  readonly check: CompatibilityCheck;
  readonly log: Log;
}

/** An installed plugin with the verdict as of now; without one where nothing is inspected. */
export interface Judged {
  readonly id: PluginId;
  readonly entry: PluginEntry;
  readonly compatibility: Compatibility | undefined;
}

/** What a look at a .so gave. `entry` is of the moment at which it could be looked at. */
type Looked<T> = { readonly entry: PluginEntry } & (
  | { readonly found: T; readonly failure?: undefined }
  | { readonly failure: Compatibility }
);

/** `to` is `from` where nothing is to be recorded. */
interface Refreshed extends EntryRefresh {
  readonly failure: Compatibility | undefined;
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
    let doubtful = 0;
    return this.#lookAt(ids, (entry) => dependsOnTheSystem(entry) && ++doubtful <= DOUBTFUL_AT_ONCE);
  }

  /** What the verdicts would be if another binary were the engine. They are not recorded. */
  async against(engine: string, plugins: readonly Pick<Judged, "id" | "entry">[]): Promise<Judged[]> {
    const { check } = this.#options;
    const judged = plugins.map(async ({ id, entry }) => {
      const looked = await this.#look(id, entry, (soFile, now) =>
        this.#inTurn(() => check.inspect(soFile, id, now, { engine })),
      );
      if (looked === undefined) return [];
      return [{ id, entry: looked.entry, compatibility: looked.failure ?? check.amongOthers(id, looked.found) }];
    });
    return (await Promise.all(judged)).flat();
  }

  /** Looks at every plugin, as at the start, and says in the log what the engine will not load. */
  async refresh(ids: readonly PluginId[]): Promise<void> {
    const { check, log } = this.#options;
    if (!check.isOn) return;
    const counts: Partial<Record<Verdict, number>> = {};
    for (const { id, compatibility } of await this.#lookAt(ids, dependsOnTheSystem)) {
      if (compatibility === undefined) continue;
      const { verdict, problems } = compatibility;
      counts[verdict] = (counts[verdict] ?? 0) + 1;
      if (verdict !== "incompatible") continue;
      const [problem] = problems;
      log.warn(
        { plugin: id, problem: problem?.code, reason: problem?.message },
        "the engine will not load this plugin",
      );
    }
    log.info({ plugins: counts }, "the installed plugins were compared with the engine");
  }

  async #lookAt(ids: readonly PluginId[], isDoubtful: (entry: PluginEntry) => boolean): Promise<Judged[]> {
    const { store, check } = this.#options;
    const looked: Refreshed[] = [];
    for (let from = 0; from < ids.length; from += BATCH) {
      const surroundings = check.isOn ? await check.environment() : "";
      const looks = ids.slice(from, from + BATCH).map((id) => this.#judge(id, surroundings, isDoubtful));
      const batch = (await Promise.all(looks)).flat();
      await store.refreshEntries(batch.filter(({ from, to }) => from !== to));
      looked.push(...batch);
    }
    // After all of them: what is recorded of one says what the others are compared with.
    return looked.map(({ id, to, failure }) => ({
      id,
      entry: to,
      compatibility: failure ?? (check.isOn ? check.amongOthers(id, to.compatibility) : undefined),
    }));
  }

  /** Nothing when the plugin is not installed. */
  async #judge(id: PluginId, surroundings: string, isDoubtful: (entry: PluginEntry) => boolean): Promise<Refreshed[]> {
    const { store, check } = this.#options;
    const entry = store.get(id);
    if (entry === undefined) return [];
    if (!check.isOn) return [{ id, from: entry, to: entry, failure: undefined }];
    const looked = await this.#look(id, entry, async (soFile, now) => {
      const basis = await check.basisOf(soFile, surroundings);
      if (now.compatibility?.basis === basis && !isDoubtful(now)) return now;
      return withChecked(now, toChecked(id, await this.#inTurn(() => check.inspect(soFile, id, now)), basis));
    });
    if (looked === undefined) return [];
    // What failed is not recorded: the file may come back as it was.
    return [{ id, from: looked.entry, to: looked.failure ? looked.entry : looked.found, failure: looked.failure }];
  }

  /** @returns undefined when the plugin is not installed any more */
  async #look<T>(
    id: PluginId,
    entry: PluginEntry,
    look: (soFile: string, entry: PluginEntry) => Promise<T>,
    looks = LOOKS,
  ): Promise<Looked<T> | undefined> {
    const { store, log } = this.#options;
    try {
      return { entry, found: await look(store.layout.absolute(soPath(id.type, entry.soFile)), entry) };
    } catch (err) {
      const isMissing = hasCode(err, "ENOENT");
      const now = store.get(id);
      if (now === undefined) return undefined;
      // A change may just have moved it.
      if (isMissing && now !== entry && looks > 1) return this.#look(id, now, look, looks - 1);
      if (!isMissing) log.warn({ err, plugin: id }, "a plugin's .so can't be inspected");
      return { entry, failure: isMissing ? missing(entry) : unread(err) };
    }
  }
}

/** The entry itself when the inspection tells nothing new. */
function withChecked(entry: PluginEntry, checked: ReturnType<typeof toChecked>): PluginEntry {
  const { compatibility, exports } = entry;
  if (isDeepStrictEqual({ compatibility, exports }, { exports: undefined, ...checked })) return entry;
  const { exports: _, ...rest } = entry;
  return { ...rest, ...checked };
}

function missing({ soFile }: PluginEntry): Compatibility {
  const message = `its .so is not there: ${soFile}; install the plugin again, or delete it`;
  return { verdict: "incompatible", problems: [{ code: "SO_MISSING", message }] };
}

function unread(error: unknown): Compatibility {
  const message = `its .so can't be read: ${systemMessage(error)}; the server's log has more`;
  return { verdict: "unknown", problems: [{ code: "INSPECTION_INCOMPLETE", message }] };
}

function dependsOnTheSystem({ compatibility }: PluginEntry): boolean {
  return compatibility?.problems.some(({ code }) => OF_THE_SYSTEM.includes(code)) ?? false;
}
