import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CDPSession, Page } from "playwright-core";
import { expect } from "vitest";
import { signal } from "../support/signal.ts";
import { browserTest as base } from "./harness.ts";
import { pluginBinary } from "./showcase.ts";

/**
 * A list of 500 plugins: how much work it is, and that it scrolls. Times by the clock are printed. Only CPU times are compared,
 * and with each other: a machine that stalls for a moment makes any time by the clock a long one.
 */

const PLUGINS = 500;
/** Drawing 500 rows is more work than drawing one, but not this many times as much; nor is scrolling that of drawing. */
const DRAWING_FACTOR = 25;
const SCROLLING_FACTOR = 10;

const test = base.extend("copyIn", ({ server }) => async (count: number) => {
  const folder = join(server.base, "plugins/sources");
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < count; index += 1) {
    const name = `Plugin${String(index).padStart(3, "0")}`;
    await writeFile(join(folder, `${name}@v1.0.0.so`), pluginBinary(name.replace("P", "p")));
  }
});

interface Times {
  /** Milliseconds after the page was asked for, by the browser's own entries. */
  readonly firstPaint: number;
  /** The same until the last row was there. */
  readonly list: number;
}

test("500 plugins are listed nearly as soon as one, and scroll", async ({ copyIn, start, open, server }) => {
  await copyIn(1);
  await start();
  const page = await open();
  const one = await timesOf(page, 1);
  const drawingOne = await drawingOf(page, 1);
  await page.context().close();
  await copyIn(PLUGINS);
  await start();
  await fetch(`${server.url}/plugins`); // the first list after a start inspects each of them
  const full = await open();
  const many = await timesOf(full, PLUGINS);
  const drawing = await drawingOf(full, PLUGINS);
  const scrolling = await (await MainThread.of(full)).during(() => full.evaluate(SCROLL_THROUGH));
  console.log(
    `${PLUGINS} plugins: first paint after ${many.firstPaint} ms (1 plugin: ${one.firstPaint} ms), ` +
      `list after ${many.list} ms (${one.list} ms); CPU of the page: ${drawing} ms to draw it (${drawingOne} ms), ${scrolling} ms to scroll through`,
  );
  expect(drawing).toBeLessThan(DRAWING_FACTOR * drawingOne);
  expect(scrolling).toBeLessThan(SCROLLING_FACTOR * drawing);
});

test("whoever comes back from a plugin finds the list where it was left", async ({ copyIn, start, open }) => {
  await copyIn(100);
  await start();
  const page = await open();
  const link = page.getByRole("link", { name: "plugin080" });
  await link.scrollIntoViewIfNeeded();
  const before = await page.evaluate<number>("scrollY");
  expect(before).toBeGreaterThan(500);
  await link.click();
  await page.getByRole("heading", { name: "plugin080", level: 1 }).waitFor();
  expect(await page.evaluate("scrollY")).toBe(0);
  await page.goBack();
  await link.waitFor();
  await expect.poll(() => page.evaluate("scrollY")).toBe(before);
});

test("the page is painted before it has the list", async ({ copyIn, start, open, server }) => {
  await copyIn(1);
  await start();
  const page = await open();
  await timesOf(page, 1);
  const [released, release] = signal();
  await page.route(
    ({ pathname }) => pathname === "/plugins",
    async (route) => {
      await released;
      await route.continue();
    },
  );
  const asked = page.waitForRequest(`${server.url}/plugins?*`);
  await page.reload();
  await asked;
  // waitForFunction has the page evaluate a text, which its policy forbids once it has to look twice.
  await expect.poll(() => page.evaluate("performance.getEntriesByName('first-contentful-paint').length")).toBe(1);
  expect(await page.getByRole("rowheader").count()).toBe(0);
  release();
  await timesOf(page, 1);
});

async function timesOf(page: Page, rows: number): Promise<Times> {
  await page.evaluate(`new Promise((resolve) => {
    const look = () =>
      document.querySelectorAll("tbody tr").length === ${rows} ? resolve() : requestAnimationFrame(look);
    look();
  })`);
  return page.evaluate<Times>(`({
    firstPaint: Math.round(performance.getEntriesByName("first-contentful-paint")[0].startTime),
    list: Math.round(performance.now()),
  })`);
}

/** CPU time of the page, from the document to its last row, in milliseconds. */
async function drawingOf(page: Page, rows: number): Promise<number> {
  return (await MainThread.of(page)).during(async () => {
    await page.reload();
    await timesOf(page, rows);
  });
}

/** A step for each frame, from the top to the end. */
const SCROLL_THROUGH = `new Promise((resolve) => {
  const step = () => {
    scrollBy(0, 200);
    const { scrollTop, scrollHeight, clientHeight } = document.documentElement;
    requestAnimationFrame(scrollTop + clientHeight < scrollHeight - 1 ? step : resolve);
  };
  requestAnimationFrame(step);
})`;

/** What the page's main thread does, in CPU time, which does not depend on what else the machine does. */
class MainThread {
  readonly #session: CDPSession;

  private constructor(session: CDPSession) {
    this.#session = session;
  }

  static async of(page: Page): Promise<MainThread> {
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    return new MainThread(session);
  }

  /** @returns milliseconds */
  async during(work: () => Promise<unknown>): Promise<number> {
    const before = await this.#taskMs();
    await work();
    return Math.round((await this.#taskMs()) - before);
  }

  async #taskMs(): Promise<number> {
    const { metrics } = await this.#session.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1000;
  }
}
