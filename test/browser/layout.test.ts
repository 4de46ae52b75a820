import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import type { Locator, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { makeKeyPair, writeKey } from "../support/tokens.ts";
import { throughInstall } from "./install-steps.ts";
import { catalogueOf, show, showcaseTest as test } from "./showcase.ts";

/** The page fits: on a phone, with text twice as large, and through a slow line. */

const ROUTES = [
  "/",
  "/plugins/sources/random",
  "/plugins/sinks/influx",
  "/install",
  "/catalogue",
  "/upgrade",
  "/jobs",
  "/no-such-view",
];

/** Width by height in CSS pixels. A browser at 200 % has half as many of them, of twice the size. */
const SIZES = {
  "a phone of 390 pixels": { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
  "a screen of 1280 pixels at 200 %": { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 },
  "the narrowest that WCAG asks for, 320 pixels": { viewport: { width: 320, height: 256 } },
};

describe.each(Object.entries(SIZES))("on %s", (_name, size) => {
  test.for(["en-US", "zh-CN"])(
    "no view is wider than the screen, and nothing is cut off (%s)",
    async (locale, { fill, open, host }) => {
      await fill(catalogueOf(host));
      const page = await open({ ...size, locale });
      const tooWide: string[] = [];
      for (const route of ROUTES) {
        await show(page, route);
        await page.waitForLoadState("networkidle");
        if (route === "/catalogue") await page.getByRole("row").nth(3).waitFor();
        tooWide.push(...(await beyondScreen(page, route)));
      }
      expect(tooWide).toEqual([]);
    },
  );

  test.for(["en-US", "zh-CN"])(
    "an install fits at each of its steps (%s)",
    async (locale, { fill, open, host, gate }) => {
      await fill();
      const page = await open({ ...size, locale, expects: [/status of 400/] });
      const tooWide: string[] = [];
      await throughInstall({ page, host, gate }, async (step) => {
        tooWide.push(...(await beyondScreen(page, step)));
      });
      expect(tooWide).toEqual([]);
    },
  );

  test("a dialog fits, with its buttons", async ({ fill, open }) => {
    await fill();
    const page = await open({ ...size, route: "/plugins/sources/random" });
    for (const button of [".versions .button", ".view-actions .danger"]) {
      await page.locator(button).first().click();
      await expectToFit(page.getByRole("dialog"), size.viewport.width);
      await page.keyboard.press("Escape");
    }
  });

  test("the question for a token fits", async ({ server, start, open }) => {
    await writeKey(join(server.base, "etc/mgmt/dashboard.pub"), makeKeyPair.EdDSA().publicPem);
    await start({ BASIC__AUTHENTICATION: "true" });
    const page = await open({ ...size, expects: [/status of 401/] });
    await expectToFit(page.getByRole("dialog"), size.viewport.width);
  });
});

test("on a phone the reason at the end of a card, and the search, have its whole width", async ({ fill, open }) => {
  await fill();
  const page = await open({ ...SIZES["a phone of 390 pixels"], route: "/upgrade" });
  await page.getByRole("textbox").fill("bin/none");
  await page.keyboard.press("Enter");
  expect(await shareOf(page.getByRole("row").nth(1), "td:last-child")).toBeGreaterThan(0.85);
  await show(page, "/");
  expect(await shareOf(page.locator(".filters"), "input")).toBeGreaterThan(0.95);
});

/** How much of the width of the one the other has. */
async function shareOf(whole: Locator, part: string): Promise<number> {
  const [all, own] = await Promise.all([whole.boundingBox(), whole.locator(part).boundingBox()]);
  return (own?.width ?? 0) / (all?.width ?? 1);
}

async function beyondScreen(page: Page, where: string): Promise<string[]> {
  return (await page.evaluate<string[]>(BEYOND_SCREEN)).map((what) => `${where}: ${what}`);
}

/** Its buttons are all within the screen, once it is scrolled to them. */
async function expectToFit(dialog: Locator, width: number): Promise<void> {
  const buttons = dialog.getByRole("button");
  await buttons.last().scrollIntoViewIfNeeded();
  for (const button of await buttons.all()) {
    const box = await button.boundingBox();
    expect(box?.x).toBeGreaterThanOrEqual(0);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(width);
  }
}

/** Elements that reach beyond the right edge, unless something around them scrolls or hides it; and the page itself. */
const BEYOND_SCREEN = `(() => {
  const { clientWidth, scrollWidth } = document.documentElement;
  const isHeld = (element) => {
    for (let at = element; at; at = at.parentElement) if (getComputedStyle(at).overflowX !== "visible") return true;
    return false;
  };
  const beyond = [...document.querySelectorAll("main *, header *")].filter(
    (element) => element.getBoundingClientRect().right > clientWidth + 1 && !isHeld(element),
  );
  const page = scrollWidth > clientWidth ? ["the page is " + scrollWidth + " wide"] : [];
  return [...page, ...beyond.map((element) => element.outerHTML.slice(0, 150))];
})()`;

it("all of the page has at most 70 KB, compressed", async () => {
  const folder = join(import.meta.dirname, "../../dist/ui");
  const files = (await readdir(folder, { recursive: true })).filter((name) => /\.(html|js|css|svg)$/.test(name));
  const bytes = files.map((name) => brotliCompressSync(readFileSync(join(folder, name))).length);
  const sum = bytes.reduce((total, one) => total + one, 0);
  console.log(`the page: ${files.length} files, ${(sum / 1000).toFixed(1)} kB compressed`);
  expect(files).toContain("index.html");
  expect(sum).toBeLessThanOrEqual(70 * 1000);
});
