import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { FIGURES } from "../../src/metrics/figures.ts";
import { parseExposition, type ScrapedFigure } from "../support/exposition.ts";
import { makeCertificate } from "../support/file-server.ts";
import { ask, send } from "../support/http-client.ts";
import { inFrontTest } from "../support/in-front.ts";

/** docs/metrics.md and docs/examples/prometheus name the figures that there are, and no others. */

const read = (...path: string[]) => readFileSync(join(import.meta.dirname, "../../docs", ...path), "utf8");

interface Row {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

const ROWS: readonly Row[] = [...read("metrics.md").matchAll(/^\| `(\w+)` \| (\w+) \| (.*) \| (.+) \|$/gm)].map(
  ([, name = "", type = "", labels = "", help = ""]) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label),
    help,
  }),
);

const certificate = await makeCertificate();
const front = inFrontTest("2.0.0", { ENGINE__RESTART: "stop", ENGINE__SETTLESECONDS: "0.01" });

front("the tables have the figures of a real scrape, and no others", async ({ server, host, engine }) => {
  await engine.start();
  const settings = { ENGINE__URL: engine.url, ENGINE__RESTART: "stop", ENGINE__SETTLESECONDS: "0.01" };
  await server.start({ ...settings, BASIC__PLUGINHOSTS: host.origin }, certificate);
  const tls = certificate && { ca: certificate.cert };
  const file = host.serveZip({ type: "sources", name: "random" });
  await send(`${server.url}/plugins/sources`, { method: "POST", body: { name: "random", file }, ...tls });
  await ask(`${server.url}/plugins/sources/prebuild`, tls);
  const { headers } = await send(`${server.url}/engine/restart`, { method: "POST", ...tls });
  await send(`${server.url}${headers.location}/events`, tls);
  const figures = parseExposition((await ask(`${server.url}/metrics`, tls))[1]);

  const unknown = certificate ? [] : ["kuiper_plugins_certificate_expiry_timestamp_seconds"];
  const documented = ROWS.filter(({ name }) => !unknown.includes(name));
  expect([...figures.keys()].sort()).toEqual(documented.map(({ name }) => name).sort());
  for (const [name, figure] of figures) {
    const { type, help, labels } = ROWS.find((row) => row.name === name) as Row;
    expect([name, type, help]).toEqual([name, figure.type, figure.help]);
    // A process may not have had one of its own kinds yet.
    if (figure.samples.length > 0) expect([name, labels.toSorted()]).toEqual([name, labelsOf(figure)]);
    else expect(name).toMatch(/^(nodejs|process)_/);
  }
});

/** Those of its samples, without that of a histogram's buckets. */
function labelsOf({ samples }: ScrapedFigure): string[] {
  const names = new Set(samples.flatMap(({ labels }) => Object.keys(labels)));
  names.delete("le");
  return [...names].sort();
}

it("names follow the conventions of Prometheus", () => {
  for (const { name, type, help } of FIGURES) {
    expect(name).toMatch(/^kuiper_plugins_[a-z_]+$/);
    expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
    expect(help).toMatch(/^[A-Z0-9].*\.$/);
  }
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: Record<"x" | "y" | "w" | "h", number>;
  readonly datasource: unknown;
  readonly targets: readonly { readonly refId: string; readonly expr: string; readonly datasource: unknown }[];
}

describe("the dashboard", () => {
  const dashboard = JSON.parse(read("examples/prometheus/dashboard.json"));
  const panels: readonly Panel[] = dashboard.panels;

  it.each(panels.map((panel) => [panel.title, panel] as const))(
    "%s asks for figures that there are",
    (_title, panel) => {
      expect(panel.targets.length).toBeGreaterThan(0);
      for (const { expr } of panel.targets) expectKnown(expr);
    },
  );

  it("shows every figure of this server", () => {
    const shown = new Set(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => figuresIn(expr))));
    const missing = FIGURES.map(({ name }) => name).filter((name) => !shown.has(name));
    expect(missing).toEqual(["kuiper_plugins_host_failures_total"]); // of which kuiper_plugins_host_up says more
  });

  it("is one that Grafana reads: ids, letters, sources of data, and places that do not overlap", () => {
    expect(dashboard).toMatchObject({ schemaVersion: 39, title: expect.any(String), uid: expect.any(String) });
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const source = { type: "prometheus", uid: "$" + "{datasource}" };
    const taken = new Set<string>();
    for (const { type, gridPos, datasource, targets } of panels) {
      expect(["stat", "timeseries", "state-timeline", "table"]).toContain(type);
      expect([datasource, ...targets.map((target) => target.datasource)]).toEqual([...targets, 0].map(() => source));
      expect(targets.map(({ refId }) => refId)).toEqual([..."ABCD"].slice(0, targets.length));
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken).not.toContain(`${x} ${y}`);
          taken.add(`${x} ${y}`);
        }
      }
    }
    const variables: { name: string }[] = dashboard.templating.list;
    const used = new Set([...JSON.stringify(panels).matchAll(/\$\{?(\w+)/g)].map(([, name]) => name));
    used.delete("__rate_interval");
    expect(variables.map(({ name }) => name).sort()).toEqual([...used].sort());
  });
});

describe("the alerts", () => {
  const { groups } = parse(read("examples/prometheus/alerts.yml"));
  const rules: { alert: string; expr: string }[] = groups.flatMap(({ rules }: { rules: unknown[] }) => rules);

  it.each(rules.map(({ alert, expr }) => [alert, expr] as const))(
    "%s is about figures that there are",
    (_alert, expr) => {
      expectKnown(expr);
    },
  );
});

/** The names of figures in an expression; those of a histogram's parts are the histogram's. */
function figuresIn(expr: string): string[] {
  const names = expr.match(/\b(kuiper_plugins|process|nodejs)_\w+/g) ?? [];
  return names.map((name) => name.replace(/_(bucket|sum|count)$/, ""));
}

function expectKnown(expr: string): void {
  const rows = figuresIn(expr).map((name) => ROWS.find((row) => row.name === name)?.name ?? `${name} does not exist`);
  expect(rows).toEqual(figuresIn(expr));
  // Labels that are compared: those of a figure in the expression, or those that Prometheus adds.
  const known = ROWS.filter(({ name }) => rows.includes(name)).flatMap(({ labels }) => labels);
  const compared = [...expr.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label);
  expect([...known, "instance", "job"]).toEqual(expect.arrayContaining(compared));
}
