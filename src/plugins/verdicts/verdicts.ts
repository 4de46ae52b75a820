import { isDeepStrictEqual } from "node:util";
import pLimit from "p-limit";
import type { Compatibility, Verdict } from "../../domain/compatibility.ts";
import { type PluginId, soPath } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { EntryRefresh, PluginStore } from "../../store/plugin-store.ts";
import { type CompatibilityCheck, toChecked } from "./compatibility-check.ts";

/** Concurrent inspections: more would only keep others from the disk. */
const MAX_CONCURRENT = 2;
/** How many verdicts are recorded with one write. */
const BATCH = 200;
/** How many plugins with a clearable problem one request inspects again; on startup all are. */
const MAX_REINSPECTED = 20;
/** How often a .so is opened that changes keep moving. */
const MAX_ATTEMPTS = 3;

/** Problems that may clear although `basis` is unchanged. */
const CLEARABLE: readonly string[] = ["LIBRARY_MISSING", "GLIBC_TOO_OLD"];

interface VerdictsOptions {
  readonly store: PluginStore;
  readonly check: CompatibilityCheck;
  readonly log: Log;
}

/** An installed plugin with its present verdict; without one where `engine.verify` is `off`. */
interface Judged {
  readonly id: PluginId;
  readonly entry: PluginEntry;
  readonly compatibility: Compatibility | undefined;
}

/** What was done with a plugin's .so, or the verdict where that failed. `entry` is the one at the last attempt. */
type Attempt<T> = { readonly entry: PluginEntry } & (
  | { readonly result: T; readonly failure?: undefined }
  | { readonly failure: Compatibility }
);

/** `to` is `from` where nothing has to be recorded. */
interface Refreshed extends EntryRefresh {
  readonly failure: Compatibility | undefined;
}

/** The verdicts on the installed plugins. When the engine, a .so or the system changed, plugins are inspected again. */
export class Verdicts {
  readonly #options: VerdictsOptions;
  readonly #limit = pLimit(MAX_CONCURRENT);

  constructor(options: VerdictsOptions) {
    this.#options = options;
  }

  /** The installed ones of these plugins with their present verdicts. */
  async of(ids: readonly PluginId[]): Promise<Judged[]> {
    let clearable = 0;
    return this.#refresh(ids, (entry) => isClearable(entry) && ++clearable <= MAX_REINSPECTED);
  }

  /** The verdicts if another binary were the engine. They are not recorded. */
  async against(engine: string, plugins: readonly Pick<Judged, "id" | "entry">[]): Promise<Judged[]> {
    const { check } = this.#options;
    const judged = plugins.map(async ({ id, entry }) => {
      const attempt = await this.#withSo(id, entry, (soFile, present) =>
        this.#limit(() => check.inspect(soFile, id, present, { engine })),
      );
      if (attempt === undefined) return [];
      return [
        {
          id,
          entry: attempt.entry,
          compatibility: attempt.failure ?? check.amongOthers(id, attempt.result, attempt.entry.soFile),
        },
      ];
    });
    return (await Promise.all(judged)).flat();
  }

  /** For the startup: refreshes all verdicts and logs which plugins the engine will not load. */
  async refresh(ids: readonly PluginId[]): Promise<void> {
    const { check, log } = this.#options;
    if (!check.isOn) return;
    const counts: Partial<Record<Verdict, number>> = {};
    for (const { id, compatibility } of await this.#refresh(ids, isClearable)) {
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

  /** @param mayClear whether to inspect a plugin again although its `basis` is unchanged */
  async #refresh(ids: readonly PluginId[], mayClear: (entry: PluginEntry) => boolean): Promise<Judged[]> {
    const { store, check } = this.#options;
    const refreshed: Refreshed[] = [];
    for (let from = 0; from < ids.length; from += BATCH) {
      const environment = check.isOn ? await check.environment() : "";
      const pending = ids.slice(from, from + BATCH).map((id) => this.#refreshOne(id, environment, mayClear));
      const batch = (await Promise.all(pending)).flat();
      await store.refreshEntries(batch.filter(({ from, to }) => from !== to));
      refreshed.push(...batch);
    }
    // Only when all are recorded, since each is compared with the records of the others.
    return refreshed.map(({ id, to, failure }) => ({
      id,
      entry: to,
      compatibility: failure ?? (check.isOn ? check.present(id, to.compatibility, to) : undefined),
    }));
  }

  /** Empty when the plugin is not installed. */
  async #refreshOne(
    id: PluginId,
    environment: string,
    mayClear: (entry: PluginEntry) => boolean,
  ): Promise<Refreshed[]> {
    const { store, check } = this.#options;
    const entry = store.get(id);
    if (entry === undefined) return [];
    if (!check.isOn) return [{ id, from: entry, to: entry, failure: undefined }];
    const attempt = await this.#withSo(id, entry, async (soFile, present) => {
      const basis = await check.basisOf(soFile, environment);
      if (present.compatibility?.basis === basis && !mayClear(present)) return present;
      return withChecked(present, toChecked(id, await this.#limit(() => check.inspect(soFile, id, present)), basis));
    });
    if (attempt === undefined) return [];
    // A failure is not recorded: the file may come back unchanged.
    return [
      { id, from: attempt.entry, to: attempt.failure ? attempt.entry : attempt.result, failure: attempt.failure },
    ];
  }

  /** @returns undefined when the plugin is no longer installed */
  async #withSo<T>(
    id: PluginId,
    entry: PluginEntry,
    use: (soFile: string, entry: PluginEntry) => Promise<T>,
    attempts = MAX_ATTEMPTS,
  ): Promise<Attempt<T> | undefined> {
    const { store, log } = this.#options;
    try {
      return { entry, result: await use(store.layout.absolute(soPath(id.type, entry.soFile)), entry) };
    } catch (err) {
      const isMissing = hasCode(err, "ENOENT");
      const present = store.get(id);
      if (present === undefined) return undefined;
      // A change may have moved it just now.
      if (isMissing && present !== entry && attempts > 1) return this.#withSo(id, present, use, attempts - 1);
      if (!isMissing) log.warn({ err, plugin: id }, "a plugin's .so can't be inspected");
      return { entry, failure: isMissing ? missing(entry) : unread(err) };
    }
  }
}

/** The entry itself when nothing changes. */
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

function isClearable({ compatibility }: PluginEntry): boolean {
  return compatibility?.problems.some(({ code }) => CLEARABLE.includes(code)) ?? false;
}
