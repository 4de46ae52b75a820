import { X509Certificate } from "node:crypto";
import { type PluginId, type PluginType, pluginKey } from "../domain/plugin.ts";
import { Brief } from "../lib/briefly.ts";
import { within } from "../lib/within.ts";
import type { Activity } from "./activity.ts";

/** The engine in front of which the server stands, as far as it is read here. */
interface EngineSource {
  about(): Promise<unknown>;
  readonly states: { of(ids: readonly PluginId[]): Promise<ReadonlyMap<string, { readonly engine: string }>> };
  readonly baseline: { pending(): readonly unknown[] };
}

/** The parts of the server that are read at a scrape. */
export interface Sources {
  readonly activity: Activity;
  /** The server's own. */
  readonly version: string;
  readonly installed: { list(): Promise<readonly (PluginId & { readonly verdict: string | null })[]> };
  readonly queue: { readonly load: QueueLoad };
  readonly jobs: { counts(): Promise<Readonly<Record<string, number>>> };
  /** Undefined where the server stands alone. */
  readonly engine: EngineSource | undefined;
  readonly connections: () => Promise<number>;
  /** PEM, the one that is served first; undefined for plain HTTP. */
  readonly certificate: string | undefined;
}

interface QueueLoad {
  readonly running: number;
  readonly waiting: number;
  readonly waitingBytes: number;
}

/** An installed plugin: what of it is counted. */
interface CountedPlugin {
  readonly type: PluginType;
  readonly verdict: string;
  readonly engine: string;
}

/** All that is read at one scrape. */
export interface Reading {
  readonly activity: Activity;
  readonly version: string;
  readonly plugins: readonly CountedPlugin[];
  readonly queue: QueueLoad;
  readonly jobs: Readonly<Record<string, number>>;
  readonly connections: number;
  readonly engine: { readonly isUp: boolean; readonly pending: number } | undefined;
  /** Seconds since 1970. */
  readonly certificateExpiry: number | undefined;
}

/**
 * For how long a list is counted again, unless a plugin is changed: with ten thousand it takes half a second. A new binary of
 * the engine shows after that.
 */
const LIST_MS = 30_000;

/** An engine that hangs must not keep the other figures: Prometheus gives up after 10 s. */
const ENGINE_MS = 3000;

/** Reads the server's parts for a scrape; between two scrapes it does nothing. */
export class Reader {
  readonly #sources: Sources;
  readonly #list: Brief<Awaited<ReturnType<Sources["installed"]["list"]>>>;
  #certificateExpiry: number | undefined;

  constructor(sources: Sources) {
    this.#sources = sources;
    this.#list = new Brief(() => sources.installed.list());
    sources.activity.onChange = () => this.#list.forget();
  }

  async read(): Promise<Reading> {
    const { activity, version, queue, jobs, engine, connections, certificate } = this.#sources;
    const [isUp, plugins, count] = await Promise.all([isReachable(engine), this.#plugins(), connections()]);
    if (certificate !== undefined) this.#certificateExpiry ??= expiryOf(certificate);
    return {
      activity,
      version,
      plugins,
      queue: queue.load,
      jobs: await jobs.counts(),
      connections: count,
      // After the states, whose look at the engine brings it up to date.
      engine: engine && { isUp, pending: engine.baseline.pending().length },
      certificateExpiry: this.#certificateExpiry,
    };
  }

  async #plugins(): Promise<CountedPlugin[]> {
    const { engine } = this.#sources;
    const plugins = await this.#list.get(LIST_MS).catch((error) => {
      this.#list.forget(); // a failure is no list that is kept
      throw error;
    });
    const states = engine && (await within(engine.states.of(plugins), ENGINE_MS, undefined));
    const stateOf = (id: PluginId) => (engine === undefined ? "not-asked" : states?.get(pluginKey(id))?.engine);
    return plugins.map(({ type, name, verdict }) => ({
      type,
      verdict: verdict ?? "not-checked",
      engine: stateOf({ type, name }) ?? "unknown",
    }));
  }
}

async function isReachable(engine: EngineSource | undefined): Promise<boolean> {
  const answer = engine?.about().then(
    () => true,
    () => false,
  );
  return answer === undefined ? false : within(answer, ENGINE_MS, false);
}

/** The text is Node's, such as `Nov 26 12:00:00 2027 GMT`. */
function expiryOf(certificate: string): number {
  return Date.parse(new X509Certificate(certificate).validTo) / 1000;
}
