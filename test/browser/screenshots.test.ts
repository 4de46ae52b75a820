import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";
import { showcaseTest as test } from "./showcase.ts";

/** `npm run screenshots` makes the pictures of docs/images from the page as it is. */

const FOLDER = join(import.meta.dirname, "../../docs/images");
/** A README is read over slow lines, too. */
const MAX_BYTES = 150_000;

interface Picture extends BrowserContextOptions {
  readonly route: string;
  readonly prepare?: (page: Page) => Promise<void>;
}

const list = async (page: Page) => void (await page.getByRole("row").nth(4).waitFor());
const problems = async (page: Page) => void (await page.locator(".problems").waitFor());

const PICTURES: Readonly<Record<string, Picture>> = {
  list: { route: "/", prepare: list },
  "list-dark": { route: "/", prepare: list, colorScheme: "dark" },
  "list-zh": { route: "/", prepare: list, locale: "zh-CN" },
  "list-phone": { route: "/", prepare: list, viewport: { width: 390, height: 844 } },
  "plugin-incompatible": { route: "/plugins/sinks/influx", prepare: problems },
};

test.skipIf(process.env.SCREENSHOTS === undefined)("pictures", async ({ fill, open, host, contents }) => {
  await fill();
  const script = "#!/bin/sh\necho 'looking for libzmq.so.5'\nldconfig -p | grep libzmq.so.5\n";
  const zip = host.serveZip(contents("sources", "random", { version: "3.0.0", script }));
  const install = async (page: Page) => {
    await page.locator("main input.mono").fill(zip);
    await page.keyboard.press("Enter");
    await page.locator("form.review .fold summary").click();
    await page.locator("form.review .log").waitFor();
  };
  const size = { width: 1120, height: 860 };
  const pictures = { ...PICTURES, install: { route: "/install", prepare: install, viewport: size } };
  await mkdir(FOLDER, { recursive: true });
  for (const [name, { route, prepare, ...look }] of Object.entries<Picture>(pictures)) {
    const page = await open({ route, viewport: { width: 1120, height: 700 }, reducedMotion: "reduce", ...look });
    await page.locator("h1").waitFor();
    await prepare?.(page);
    await page.waitForLoadState("networkidle");
    await page.evaluate("scrollTo(0, 0)");
    const path = join(FOLDER, `${name}.png`);
    await page.screenshot({ path });
    expect((await stat(path)).size).toBeLessThanOrEqual(MAX_BYTES);
    await page.context().close();
  }
});
