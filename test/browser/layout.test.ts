import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { show, showcaseTest as test } from "./showcase.ts";

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
    async (locale, { fill, open }) => {
      await fill();
      const page = await open({ ...size, locale });
      const tooWide: string[] = [];
      for (const route of ROUTES) {
        await show(page, route);
        await page.waitForLoadState("networkidle");
        tooWide.push(...(await page.evaluate<string[]>(BEYOND_SCREEN)).map((what) => `${route}: ${what}`));
      }
      expect(tooWide).toEqual([]);
    },
  );

  test("a dialog fits, with its buttons", async ({ fill, open }) => {
    await fill();
    const page = await open({ ...size, route: "/plugins/sources/random" });
    await page.locator(".versions .button").first().click();
    const buttons = page.getByRole("dialog").getByRole("button");
    await buttons.last().scrollIntoViewIfNeeded();
    for (const button of await buttons.all()) {
      const box = await button.boundingBox();
      expect(box?.x).toBeGreaterThanOrEqual(0);
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(size.viewport.width);
    }
  });
});

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
