import { PLUGIN_TYPES, type PluginType } from "../domain/plugin.ts";
import type { Log } from "../lib/log.ts";
import { membersOf, objectsIn, stringsIn } from "../lib/objects.ts";
import { within } from "../lib/within.ts";
import { type BuiltInNames, isBuiltInEverywhere } from "../plugins/verdicts/built-in-names.ts";
import type { Ask, Questions } from "./questions.ts";
import { askListed, type Listed } from "./state/listed.ts";

type Names = Readonly<Record<PluginType, ReadonlySet<string>>>;

interface EngineNamesOptions {
  readonly questions: Questions;
  readonly log: Log;
}

const NO_NAMES: Names = { sources: new Set(), sinks: new Set(), functions: new Set() };
/** How long one who needs the names waits for them: an install must not wait for an engine that hangs. */
const PATIENCE_MS = 1000;
/** An engine that did not answer, or has no metadata, is not asked again for so long, unless it is another process. */
const PAUSE_MS = 30_000;

/** Which sources, sinks and functions the engine's process has built in: asked once for each process. */
export class EngineNames implements BuiltInNames {
  readonly #options: EngineNamesOptions;
  #names = NO_NAMES;
  #asking: Promise<void> | undefined;
  #isKnown = false;
  #pausedUntil = 0;

  constructor(options: EngineNamesOptions) {
    this.#options = options;
  }

  of(type: PluginType): ReadonlySet<string> {
    return this.#names[type];
  }

  /** Asks for them unless they are known. Waits a second at most, and never throws. */
  async refresh(): Promise<void> {
    if (this.#isKnown || performance.now() < this.#pausedUntil) return;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    await within(this.#asking, PATIENCE_MS, undefined);
    if (!this.#isKnown) this.#pausedUntil = performance.now() + PAUSE_MS;
  }

  /** A new process may have others. Until they are known, those of the last one count. */
  async renew(): Promise<void> {
    this.#isKnown = false;
    this.#pausedUntil = 0;
    await this.refresh();
  }

  async #ask(): Promise<void> {
    const { questions, log } = this.#options;
    try {
      this.#names = await questions.within(askNames);
      this.#isKnown = true;
    } catch (err) {
      log.debug({ err }, "the engine does not say what it has built in");
    }
  }
}

/**
 * Its metadata lists plugins as well, and they are asked for last: one that is installed meanwhile is not taken for a
 * part of the engine.
 */
async function askNames(ask: Ask): Promise<Names> {
  const [sources, sinks, functions] = await Promise.all(PLUGIN_TYPES.map((type) => ask(`/metadata/${type}`)));
  const [listed, portable] = await Promise.all([askListed(ask), askPortable(ask)]);
  return {
    sources: partsIn(sources, "sources", listed, portable),
    sinks: partsIn(sinks, "sinks", listed, portable),
    functions: functionsIn(functions),
  };
}

/**
 * Since 2.0 each has a `type`, which is `internal` for a part of the engine. Before that, `about.installed` is true for
 * parts and for plugins of all kinds; 1.0 has a file without a plugin in its list, too, which is not installed.
 */
function partsIn(metadata: unknown, type: PluginType, listed: Listed, portable: ReadonlySet<string>): Set<string> {
  const names = new Set<string>();
  for (const { name, type: kind, about } of objectsIn(metadata)) {
    if (typeof name !== "string") continue;
    const isPlugin = listed[type].has(name) || portable.has(name);
    const isPart = typeof kind === "string" ? kind === "internal" : membersOf(about).installed === true && !isPlugin;
    if (isPart) names.add(name);
  }
  return names;
}

/** As many functions of the language as no plugin has. */
const MIN_KNOWN = 10;

/**
 * The functions' metadata are the engine's files as they are: those of plugins too, also of some that are not installed
 * (1.0 has `echo.json` from the beginning). The engine's own file is the one with the functions that every engine has.
 */
function functionsIn(metadata: unknown): Set<string> {
  const names = new Set<string>();
  for (const { functions } of objectsIn(metadata)) {
    const own = objectsIn(functions).flatMap(({ name }) => (typeof name === "string" ? [name.toLowerCase()] : []));
    if (own.filter((name) => isBuiltInEverywhere("functions", name)).length < MIN_KNOWN) continue;
    for (const name of own) names.add(name);
  }
  return names;
}

/** Sources and sinks of portable plugins; none where the engine has no such plugins. */
async function askPortable(ask: Ask): Promise<ReadonlySet<string>> {
  const plugins = objectsIn(await ask("/plugins/portables").catch(() => []));
  const parts = plugins.flatMap(({ sources, sinks }) => [sources, sinks].flat());
  return new Set(stringsIn(parts));
}
