import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect } from "vitest";
import { Layout } from "../../src/store/layout.ts";
import { makeKeyPair, writeKey } from "../support/tokens.ts";
import { seriousFindings } from "./axe.ts";
import { throughInstall } from "./install-steps.ts";
import { catalogueOf, show, showcaseTest as test } from "./showcase.ts";

/** Nothing on any view or dialog keeps somebody from using it, in both languages and on light and dark. */

const LOOKS = (["en-US", "zh-CN"] as const).flatMap((locale) =>
  // Without motion: in the middle of a change of colours, text and background can be nearly the same.
  (["light", "dark"] as const).map((colorScheme) => ({ locale, colorScheme, reducedMotion: "reduce" as const })),
);

/** The views by their address, each with what opens the dialogs and folds that it has. */
const VIEWS: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  "/": async (page) => void (await page.getByRole("row").nth(4).waitFor()),
  "/plugins/sources/random": openFolds,
  "/plugins/sinks/influx": openFolds,
  "/plugins/sources/nowhere": async () => {},
  "/install": async () => {},
  "/catalogue": async () => {},
  "/upgrade": async (page) => {
    await page.getByRole("textbox").fill("bin/kuiperd");
    await page.keyboard.press("Enter");
    await page.getByRole("row").first().waitFor();
  },
  "/jobs": async () => {},
  "/jobs/none": async () => {},
  "/no-such-view": async () => {},
};

describe.each(LOOKS)("$locale, $colorScheme", (look) => {
  test("every view, with its folds open", async ({ fill, open }) => {
    await fill();
    const page = await open({ ...look, expects: [/status of 404/] });
    const found: Record<string, string[]> = {};
    for (const [route, prepare] of Object.entries(VIEWS)) {
      await show(page, route);
      await prepare(page);
      found[route] = await seriousFindings(page);
    }
    expect(found).toEqual(Object.fromEntries(Object.keys(VIEWS).map((route) => [route, []])));
  });

  test("every dialog of a plugin and of the engine", async ({ fill, open }) => {
    await fill();
    const page = await open(look);
    const found: string[][] = [];
    for (const [route, button] of [
      ["/", ".banner-actions .button"],
      ["/plugins/sources/random", ".view-actions .danger"],
      ["/plugins/sources/random", ".versions .button"],
    ] as const) {
      await show(page, route);
      await page.locator(button).first().click();
      await page.getByRole("dialog").waitFor();
      found.push(await seriousFindings(page));
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
    expect(found).toEqual([[], [], []]);
  });

  test("every step of an install, and the jobs", async ({ fill, open, host, gate }) => {
    await fill();
    const page = await open({ ...look, expects: [/status of 400/] });
    const found: Record<string, string[]> = {};
    await throughInstall({ page, host, gate }, async (step) => {
      found[step] = await seriousFindings(page);
    });
    expect(Object.values(found).flat()).toEqual([]);
    expect(Object.keys(found)).toHaveLength(6);
  });

  test("the catalogue, with a host that failed, and offline", async ({ fill, open, host }) => {
    await fill(catalogueOf(host));
    const page = await open({ ...look, route: "/catalogue" });
    await page.getByRole("row").nth(3).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await host.close();
    await page.locator(".view-head .button").click();
    await page.getByRole("alert").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
  });

  test("a delete that is done", async ({ fill, open }) => {
    await fill();
    const page = await open({ ...look, route: "/plugins/sources/zmq", expects: [/status of 404/] });
    await page.locator(".view-actions .danger").click();
    await page.getByRole("dialog").locator(".danger").click();
    await page.getByRole("dialog").locator(".banner.good").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
  });

  test("the question for a token", async ({ server, start, open }) => {
    await writeKey(join(new Layout(server.base).keysFolder, "dashboard.pub"), makeKeyPair.EdDSA().publicPem);
    await start({ BASIC__AUTHENTICATION: "true" });
    const page = await open({ ...look, expects: [/status of 401/] });
    await page.getByRole("dialog").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
  });
});

async function openFolds(page: Page): Promise<void> {
  await page.locator(".sections").waitFor();
  for (const fold of await page.locator("main summary").all()) await fold.click();
  await page.waitForLoadState("networkidle");
}
