import type { Metric, Registry } from "prom-client";
import { Brief } from "../lib/briefly.ts";
import { Lazy } from "../lib/lazy.ts";
import { FIGURES, type Figure } from "./figures.ts";
import { Reader, type Reading, type Sources } from "./reading.ts";

/**
 * What prom-client adds and we leave out: what is made from a timer that would wake an idle process every 10 ms (the lag at the
 * scrape stays), and sums that are called `_total` without being counters.
 */
const LEFT_OUT = /^nodejs_(eventloop_lag_(?!seconds$)|active_\w+_total$)/;
const HOUR_MS = 3_600_000;

export interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

/** The figures for Prometheus. prom-client is loaded at the first scrape: it takes two megabytes. */
export class Metrics {
  readonly #reader: Reader;
  /** Those who ask while it is being made share one. */
  readonly #scrape = new Brief(() => this.#make());
  /** Which figures there are depends on the settings alone, so those of the first reading stay. */
  readonly #registry = new Lazy(() => this.#createRegistry());
  #reading: Reading | undefined;

  constructor(sources: Sources) {
    this.#reader = new Reader(sources);
  }

  /** Takes seconds at most, also while the engine hangs. */
  scrape(): Promise<Scrape> {
    return this.#scrape.get(0);
  }

  async #make(): Promise<Scrape> {
    this.#reading = await this.#reader.read();
    const registry = await this.#registry.get();
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  async #createRegistry(): Promise<Registry> {
    const { collectDefaultMetrics, Registry } = await import("prom-client");
    const registry = new Registry();
    for (const figure of FIGURES)
      if (this.#reading && figure.samples(this.#reading) !== undefined) registry.registerMetric(this.#metric(figure));
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: HOUR_MS });
    for (const { name } of registry.getMetricsAsArray()) if (LEFT_OUT.test(name)) registry.removeSingleMetric(name);
    return registry;
  }

  /**
   * A metric as a registry asks for its values. prom-client's own classes count by themselves, so what was counted before
   * they are loaded could not be in them.
   */
  #metric({ samples, ...figure }: Figure): Metric {
    const get = async () => ({ ...figure, aggregator: "sum", values: this.#reading && samples(this.#reading) });
    return { name: figure.name, get } as unknown as Metric;
  }
}
