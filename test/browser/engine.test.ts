import { expect } from "vitest";
import { RULE_FAILS } from "../support/engine-stand-in.ts";
import { inFrontBrowserTest } from "./harness.ts";
import { Stalls } from "./reverse-proxy.ts";

/** In front of an engine: what is loaded, what uses it, and restarts of the engine. */

const RANDOM = { type: "sources", name: "random" } as const;
const SETTINGS = { ENGINE__ACTIVATE: "false", ENGINE__RESTART: "stop" };

/** `addRule` makes a rule of the engine that reads a stream of that type. */
const test = inFrontBrowserTest.extend("addRule", ({ engine }) => (type: string) => {
  engine.streams.push({ name: "demo", type });
  engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
});

test("the list says what waits for a restart and how many rules use a plugin", async ({
  startBoth,
  addRule,
  install,
  open,
}) => {
  await startBoth(SETTINGS);
  addRule("random");
  await install(RANDOM);
  const page = await open();
  const row = page.getByRole("row", { name: "random" });
  await row.getByText("Waits for a restart").waitFor();
  await row.getByText("1 rule").waitFor();
  await page.getByText("1 change waits for an engine restart").waitFor();
  await row.getByRole("link", { name: "random" }).click();
  await page.getByRole("listitem").getByText("rule1").waitFor();
  await page.getByRole("listitem").getByText("demo").waitFor();
});

test("the banner's button restarts the engine, and shows the rules before and after", async ({
  startBoth,
  addRule,
  install,
  open,
}) => {
  await startBoth(SETTINGS);
  addRule("mqtt");
  await install({ type: "sinks", name: "influx" });
  const page = await open();
  await page.getByText("1 change waits for an engine restart").waitFor();
  await page.getByText("Which changes").click();
  await page.getByRole("listitem").getByText("influx").waitFor();
  await page.getByRole("button", { name: "Restart the engine" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
  await page.getByText("The engine was restarted, and nothing is worse than before.").waitFor();
  await page.getByText("Rules that run: 1 before, 1 after").waitFor();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.getByText("waits for an engine restart").waitFor({ state: "detached" });
});

test("what a restart has changed is in the list as soon as it has ended", async ({
  startBoth,
  install,
  open,
  proxied,
}) => {
  await startBoth(SETTINGS);
  await install(RANDOM);
  const list = new Stalls("/plugins?");
  const page = await open({ at: await proxied(list) });
  const row = page.getByRole("row", { name: "random" });
  await row.getByText("Waits for a restart").waitFor();
  // While the list waits for an answer, it asks no more by itself.
  list.isOn = true;
  await expect.poll(() => list.count, { timeout: 20_000 }).toBe(1);
  list.isOn = false;
  await page.getByRole("button", { name: "Restart the engine" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
  await page.getByText("The engine was restarted, and nothing is worse than before.").waitFor();
  await row.getByText("Loaded").waitFor({ timeout: 15_000 });
});

test("a restart that has begun can't be cancelled", async ({ startBoth, install, open }) => {
  await startBoth({ ...SETTINGS, ENGINE__SETTLESECONDS: "60" });
  await install(RANDOM);
  const page = await open();
  await page.getByRole("button", { name: "Restart the engine" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
  await page.getByText("lets the rules run").waitFor();
  expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
});

test("a restart that makes a rule worse says which, and what was undone", async ({
  startBoth,
  engine,
  addRule,
  install,
  update,
  open,
}) => {
  await startBoth(SETTINGS);
  await install(RANDOM);
  await engine.restart();
  engine.age(30);
  addRule("random");
  await update({ ...RANDOM, version: "2.0.0", soContent: `${RULE_FAILS}the source is out of order\n` });
  const page = await open();
  await page.getByRole("button", { name: "Restart the engine" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
  await page.getByText("so the changes were undone").waitFor();
  await page.getByText("the source is out of order").waitFor();
  await page.getByText("random: the change from 1.0.0 to 2.0.0").waitFor();
  await expect.poll(() => page.getByRole("row", { name: "random" }).getByText("1.0.0").count()).toBe(1);
});

test("an engine that this server can't restart has a banner without a button", async ({ startBoth, install, open }) => {
  await startBoth({ ENGINE__ACTIVATE: "false" });
  await install(RANDOM);
  const page = await open();
  await page.getByText("Restart it yourself.").waitFor();
  expect(await page.getByRole("button", { name: "Restart the engine" }).count()).toBe(0);
});

test("an engine that can't be asked is said, and nothing is claimed", async ({ startBoth, engine, install, open }) => {
  await startBoth(SETTINGS);
  await install(RANDOM);
  await engine.stop();
  const page = await open();
  await page.getByText("The engine can't be asked.").waitFor();
  await page.getByText("it refused the connection").first().waitFor();
  await page.getByText("Look whether it runs, and at engine.url and engine.tokenFile.").waitFor();
  const row = page.getByRole("row", { name: "random" });
  await expect.poll(() => row.getByRole("cell", { name: "unknown" }).count()).toBeGreaterThan(0);
});
