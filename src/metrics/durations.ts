import type { Sample } from "./sample.ts";

/** Upper bounds in seconds: a check takes milliseconds, a download over a slow line minutes. */
const BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600] as const;

interface Series {
  /** How many took at most so long; the last one has no bound. */
  readonly counts: number[];
  seconds: number;
}

/** How long things took, by their kind, of which there are few: a histogram. */
export class Durations {
  readonly #label: string;
  readonly #series = new Map<string, Series>();

  constructor(label: string) {
    this.#label = label;
  }

  add(kind: string, seconds: number): void {
    const series = this.#series.get(kind) ?? { counts: [...BOUNDS, 0].fill(0), seconds: 0 };
    this.#series.set(kind, series);
    series.seconds += seconds;
    for (const [index, bound] of [...BOUNDS, Number.POSITIVE_INFINITY].entries()) {
      if (seconds <= bound) series.counts[index] = (series.counts[index] ?? 0) + 1;
    }
  }

  /** @param name of the figure */
  samples(name: string): readonly Sample[] {
    return [...this.#series].flatMap(([kind, { counts, seconds }]) => {
      const labels = { [this.#label]: kind };
      const buckets = counts.map((value, index) => ({
        metricName: `${name}_bucket`,
        labels: { le: String(BOUNDS[index] ?? "+Inf"), ...labels },
        value,
      }));
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: seconds },
        { metricName: `${name}_count`, labels, value: counts.at(-1) ?? 0 },
      ];
    });
  }
}
