/** What a scrape says, by the text format of Prometheus. */
export interface ScrapedFigure {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly value: number;
  }[];
}

/** By name. @throws for a line that is none of the format, or that is about no figure */
export function parseExposition(text: string): Map<string, ScrapedFigure> {
  const figures = new Map<string, ScrapedFigure & { samples: ScrapedFigure["samples"][number][] }>();
  const helps = new Map<string, string>();
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const [, help, helpText = ""] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
    const [, typed, type = ""] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (help !== undefined) helps.set(help, helpText);
    else if (typed !== undefined) figures.set(typed, { type, help: helps.get(typed) ?? "", samples: [] });
    else {
      const [, name = "", labels = "", value] = /^(\w+)(?:\{(.*)\})? (-?[\d.e+-]+|\+Inf|Nan)$/.exec(line) ?? [];
      const figure = figureOf(figures, name);
      if (value === undefined || figure === undefined) throw new Error(`no line of the format: ${line}`);
      figure.samples.push({ name, labels: labelsOf(labels), value: Number(value.replace("+Inf", "Infinity")) });
    }
  }
  return figures;
}

/** The value of the one sample that has these labels, among others; undefined where there is none. */
export function sampleValue(
  figures: ReadonlyMap<string, ScrapedFigure>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const found = figureOf(figures, name)?.samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  return found?.length === 1 ? found[0]?.value : undefined;
}

/** The figure of a sample, which may be a part of a histogram. */
function figureOf<T>(figures: ReadonlyMap<string, T>, sample: string): T | undefined {
  return figures.get(sample) ?? figures.get(sample.replace(/_(bucket|sum|count)$/, ""));
}

function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key, value]));
}
