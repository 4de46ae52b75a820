import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { parse, stringify } from "yaml";
import { sharedServerTest } from "../support/fixtures.ts";
import { ask, post } from "../support/http-client.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { ROOT, run } from "./programs.ts";

/** What Prometheus' own tool says of a real scrape, and of docs/examples/prometheus. */

const test = sharedServerTest();
const EXAMPLES = join(ROOT, "docs/examples/prometheus");

test("promtool finds nothing wrong with a scrape", async ({ server, host }) => {
  const file = host.serveZip({ type: "sources", name: "random" });
  expect((await post(`${server.url}/plugins/sources`, { name: "random", file }))[0]).toBe(201);
  expect((await post(`${server.url}/plugins/sources`, { name: "random", file }))[0]).toBe(400);
  const scrape = join(await tempFolder(), "scrape.txt");
  await writeFile(scrape, (await ask(`${server.url}/metrics`))[1]);
  expect(await run(["sh", "-c", `promtool check metrics < "$0"`, scrape])).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("promtool finds nothing wrong with the scrape configuration and the alerts", async () => {
  expect(
    await run(["promtool", "check", "config", "--syntax-only", "prometheus.yml"], { cwd: EXAMPLES }),
  ).toMatchObject({
    code: 0,
  });
  expect(await run(["promtool", "check", "rules", "alerts.yml"], { cwd: EXAMPLES })).toMatchObject({ code: 0 });
});

test("each alert fires for its cause, and not before", async () => {
  const folder = await tempFolder();
  const alerts = parse(await readFile(join(EXAMPLES, "alerts.yml"), "utf8"));
  const tests = parse(await readFile(join(import.meta.dirname, "alerts.yml"), "utf8"));
  // The texts are for people, and these are tests of when.
  for (const rule of alerts.groups[0].rules) delete rule.annotations;
  await writeFile(join(folder, "rules.yml"), stringify(alerts));
  await writeFile(join(folder, "tests.yml"), stringify({ rule_files: ["rules.yml"], ...tests }));
  const { code, stdout, stderr } = await run(["promtool", "test", "rules", "tests.yml"], { cwd: folder });
  expect([code, stdout + stderr]).toEqual([0, expect.stringContaining("SUCCESS")]);
  const tested = JSON.stringify(tests);
  for (const { alert } of alerts.groups[0].rules) expect(tested).toContain(`"${alert}","exp_alerts":[{`);
});

test("promtool can read every query of the dashboard", async () => {
  const { panels } = JSON.parse(await readFile(join(EXAMPLES, "dashboard.json"), "utf8"));
  const queries: string[] = panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr),
  );
  const rules = queries.map((query, index) => ({
    record: `query:${index}`,
    expr: query.replaceAll("$__rate_interval", "5m"),
  }));
  const file = join(await tempFolder(), "queries.yml");
  await writeFile(file, stringify({ groups: [{ name: "dashboard", rules }] }));
  expect(await run(["promtool", "check", "rules", file])).toMatchObject({ code: 0 });
});
