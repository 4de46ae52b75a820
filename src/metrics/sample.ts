/** One value of a figure, as prom-client writes it. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
  /** Where it is not the figure's: a histogram has several. */
  readonly metricName?: string;
}
