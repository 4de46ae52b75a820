import { stat } from "node:fs/promises";
import { isFoundByEngine, PLUGIN_TYPES, type PluginId, soPath } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import type { Layout } from "../../store/layout.ts";
import type { Baseline } from "../baseline.ts";
import { opensAtStart } from "../engine-version.ts";
import type { Ask } from "../questions.ts";
import type { EngineAbout } from "../running-engine.ts";
import { askPlugin, type Listed } from "./listed.ts";

/** How many plugins one look asks for by name. */
const MAX_ASKED = 8;

/**
 * Brings the baseline into agreement with what the engine lists, where times can't tell: plugins that others copied in or
 * had installed by the engine itself. Nothing is learnt of a plugin that was replaced, since a process keeps the code that it
 * has whatever version it lists, nor of one that this server installed.
 */
export class Agreement {
  readonly #baseline: Baseline;
  readonly #layout: Layout;

  constructor(baseline: Baseline, layout: Layout) {
    this.#baseline = baseline;
    this.#layout = layout;
  }

  async reach(about: EngineAbout, listed: Listed, ask: Ask): Promise<void> {
    await this.#dropUnlisted(about, listed);
    const installed = this.#baseline.installed();
    const handedOver = this.#baseline
      .pending()
      .filter(({ type, name, change, to }) => change === "install" && !to?.change && listed[type].has(name))
      .slice(0, MAX_ASKED);
    await Promise.all(
      handedOver.map(async (id) => {
        const entry = installed[id.type].get(id.name);
        if (entry !== undefined && (await hasVersion(id, entry, ask))) await this.#baseline.loaded(id, entry);
      }),
    );
  }

  /** What was copied in by hand has no time; it can have come after the engine's start, which then does not list it. */
  async #dropUnlisted({ version, startedAt }: EngineAbout, listed: Listed): Promise<void> {
    const installed = this.#baseline.installed();
    for (const type of PLUGIN_TYPES) {
      for (const [name, { change, soFile }] of installed[type]) {
        if (change !== undefined || listed[type].has(name)) continue;
        const id = { type, name };
        if (this.#baseline.knownOf(id) === undefined) continue;
        // One that reads the folder and opens nothing would list it. One that opens it may have failed to.
        const cameLater =
          !opensAtStart(version) || (await isNewer(this.#layout.absolute(soPath(type, soFile)), startedAt));
        if (cameLater) await this.#baseline.missing(id);
      }
    }
  }
}

/** Whether the engine has it in the version that is installed. False where that can't be told. */
async function hasVersion(id: PluginId, entry: PluginEntry, ask: Ask): Promise<boolean> {
  const plugin = await askPlugin(id, ask).catch(() => undefined);
  return plugin?.version === entry.version && isFoundByEngine(entry.soFile);
}

/** By the time at which it got its name, too: a copy can keep the time of its original. */
async function isNewer(file: string, start: Date): Promise<boolean> {
  const times = await stat(file).catch(() => undefined);
  return times !== undefined && Math.max(times.mtimeMs, times.ctimeMs) >= start.getTime();
}
