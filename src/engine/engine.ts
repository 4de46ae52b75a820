import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import type { PluginId, PluginType } from "../domain/plugin.ts";
import { Brief } from "../lib/briefly.ts";
import type { Log } from "../lib/log.ts";
import type { Layout } from "../store/layout.ts";
import type { PluginStore } from "../store/plugin-store.ts";
import { Baseline } from "./baseline.ts";
import { EngineClient } from "./engine-client.ts";
import { EngineNames } from "./engine-names.ts";
import { HandedZips } from "./handed-zips.ts";
import { Questions } from "./questions.ts";
import { askAbout, type EngineAbout } from "./running-engine.ts";
import { Agreement } from "./state/agreement.ts";
import { EngineLook } from "./state/engine-look.ts";
import { PluginStates } from "./state/plugin-states.ts";
import { PluginUsage } from "./usage/plugin-usage.ts";
import { UseGuard } from "./usage/use-guard.ts";

interface EngineOptions {
  readonly config: Config["engine"];
  readonly layout: Layout;
  readonly store: PluginStore;
  /** The engine's own. */
  readonly uploadsFolder: string;
  readonly log: Log;
}

/** What `GET /engine` answers. */
export interface EngineReport {
  /** Without credentials. */
  readonly url: string;
  readonly reachable: boolean;
  /** Why it can't be asked; absent where it is reachable. */
  readonly reason?: string;
  readonly version: string | null;
  readonly upTimeSeconds: number | null;
  readonly restart: "command" | "stop" | "none";
  readonly pending: readonly {
    readonly type: PluginType;
    readonly name: string;
    readonly change: "install" | "update" | "delete";
    readonly since: string | null;
  }[];
}

/** For how long an answer about the engine itself is used again: one page of a dashboard asks for several things. */
const ABOUT_MS = 1000;

/** The same where only the version matters: an engine has another one when it was upgraded. */
const LAST_VERSION_MS = 30_000;

/** The engine in front of which this server stands. */
export class Engine {
  readonly client: EngineClient;
  readonly baseline: Baseline;
  readonly look: EngineLook;
  readonly states: PluginStates;
  readonly guard: UseGuard;
  /** What it has built in. */
  readonly names: EngineNames;
  readonly zips: HandedZips;
  readonly #restart: Config["engine"]["restart"];
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #about = new Brief(() => this.#ask());
  #versionAskedAt = Number.NEGATIVE_INFINITY;
  #noticing: Promise<void> | undefined;
  #isNoticedAgain = false;

  private constructor({ config, layout, store, uploadsFolder, log }: EngineOptions, baseline: Baseline) {
    this.client = new EngineClient({ config, baseFolder: layout.base });
    this.baseline = baseline;
    this.zips = new HandedZips({ layout, uploadsFolder });
    this.#restart = config.restart;
    this.#log = log;
    const questions = new Questions(this.client, config.timeoutSeconds, this.#closing.signal);
    const about = () => this.about();
    this.names = new EngineNames({ questions, log });
    this.look = new EngineLook({ questions, about, agreement: new Agreement(baseline, layout), log });
    const usage = new PluginUsage({ questions, about });
    this.states = new PluginStates({ installed: (id) => store.get(id), baseline, look: this.look, usage, questions });
    this.guard = new UseGuard({
      rulesOf: async (id) => (await this.states.usedBy(id, 0)).rules,
      isInstalled: (id) => store.get(id) !== undefined,
      protects: config.protectUsed,
    });
  }

  /** Does not wait for the engine: it may be started later than this server. */
  static async create(options: EngineOptions): Promise<Engine> {
    const { layout, store, log } = options;
    const installed = {
      entries: store.entries.bind(store),
      removedAt: (id: PluginId) => store.replacedOf(id)?.removedAt,
      replaced: () => store.replaced,
    };
    const engine = new Engine(options, await Baseline.open({ layout, installed, log }));
    await engine.zips.clear();
    return engine;
  }

  /**
   * What the engine says of itself, at most a second old. A process that was not seen before is noticed.
   *
   * @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED
   */
  about(): Promise<EngineAbout> {
    return this.#about.get(ABOUT_MS);
  }

  /** Forgets the last answers, so that the next ones are asked for. */
  forget(): void {
    this.#about.forget();
    this.look.forget();
  }

  /**
   * Lets the engine be looked at, since something changes or has changed: whether a process started before or after a
   * change can be told best when it was seen to run. Waits for nothing and never throws; calls that come meanwhile are
   * one more look.
   */
  notice(): void {
    this.look.forget();
    this.#isNoticedAgain = true;
    this.#noticing ??= this.#noticeAll().finally(() => {
      this.#noticing = undefined;
    });
  }

  /** Records that a restart of ours has led to that process: two that follow each other in a second can't be told apart. */
  async restarted(about: EngineAbout): Promise<void> {
    this.forget();
    await this.baseline.observe(about, this.baseline.installed(), true);
    void this.names.renew();
  }

  /** For people and dashboards. Never throws for an engine that can't be asked. */
  async report(): Promise<EngineReport> {
    const [about] = await Promise.all([
      this.about().catch((error: Error) => error.message),
      this.look.take().catch(() => undefined), // it brings what is pending up to date
    ]);
    const isReachable = typeof about !== "string";
    const restart = this.#restart;
    return {
      url: withoutCredentials(this.client.url),
      reachable: isReachable,
      ...(isReachable ? {} : { reason: about }),
      version: isReachable ? about.version : null,
      // A clock that was set back after the engine's start makes it negative.
      upTimeSeconds: isReachable ? Math.max(0, about.upTimeSeconds) : null,
      restart: restart === "none" || restart === "stop" ? restart : "command",
      pending: this.baseline.pending().map(({ type, name, change, since = null }) => ({ type, name, change, since })),
    };
  }

  /** Ends its own questions. What it has noticed is on the disk then. */
  async close(): Promise<void> {
    this.#closing.abort(new PluginError("SHUTTING_DOWN", "the server is shutting down; try again when it is back"));
    await this.#noticing;
    await this.baseline.written();
  }

  async #ask(): Promise<EngineAbout> {
    const installed = this.baseline.installed();
    const about = await askAbout(this.client, this.#closing.signal);
    if (await this.baseline.observe(about, installed)) {
      this.#log.info({ version: about.version, startedAt: about.startedAt }, "the engine runs in a new process");
      this.look.forget(); // what the process before listed says nothing of this one
      void this.names.renew();
    }
    return about;
  }

  /**
   * The engine's version as it was seen last, also by an earlier process of ours. Nobody waits for it: an answer that is
   * old is asked for anew in the background.
   */
  get lastVersion(): string | undefined {
    const now = performance.now();
    if (now - this.#versionAskedAt > LAST_VERSION_MS) {
      this.#versionAskedAt = now;
      this.about().catch(() => {}); // the one that was seen last will do
    }
    return this.baseline.engineVersion;
  }

  async #noticeAll(): Promise<void> {
    while (this.#isNoticedAgain && !this.#closing.signal.aborted) {
      this.#isNoticedAgain = false;
      await this.#about.renew().catch((err) => this.#log.debug({ err }, "the engine can't be asked"));
    }
  }
}

function withoutCredentials(address: string): string {
  const url = new URL(address);
  url.username = "";
  url.password = "";
  return url.href.replace(/\/$/, "");
}
