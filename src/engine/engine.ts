import type { Config } from "../config/schema.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { Log } from "../lib/log.ts";
import type { Layout } from "../store/layout.ts";
import type { PluginStore } from "../store/plugin-store.ts";
import { Baseline } from "./baseline.ts";
import { EngineClient } from "./engine-client.ts";
import { askAbout, type EngineAbout } from "./running-engine.ts";

interface EngineOptions {
  readonly config: Config["engine"];
  readonly layout: Layout;
  readonly store: PluginStore;
  readonly log: Log;
}

/** For how long an answer about the engine itself is used again: one page of a dashboard asks for several things. */
const ABOUT_MS = 1000;

/** The engine in front of which this server stands. */
export class Engine {
  readonly client: EngineClient;
  readonly baseline: Baseline;
  #about: { readonly at: number; readonly answer: Promise<EngineAbout> } | undefined;

  private constructor(client: EngineClient, baseline: Baseline) {
    this.client = client;
    this.baseline = baseline;
  }

  /** Does not ask the engine anything yet: it may be started later than this server. */
  static async create({ config, layout, store, log }: EngineOptions): Promise<Engine> {
    const client = new EngineClient({ config, baseFolder: layout.base });
    const installed = {
      entries: store.entries.bind(store),
      removedAt: (id: PluginId) => store.replacedOf(id)?.removedAt,
      replaced: () => store.replaced,
    };
    return new Engine(client, await Baseline.open({ layout, installed, log }));
  }

  /**
   * What the engine says of itself, at most a second old. A process that was not seen before is noticed.
   *
   * @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED
   */
  async about(): Promise<EngineAbout> {
    const now = performance.now();
    if (this.#about === undefined || now - this.#about.at > ABOUT_MS) {
      this.#about = { at: now, answer: askAbout(this.client) };
    }
    const about = await this.#about.answer;
    await this.baseline.observe(about);
    return about;
  }

  /** Forgets the last answer, so that the next one is asked for. */
  forget(): void {
    this.#about = undefined;
  }
}
