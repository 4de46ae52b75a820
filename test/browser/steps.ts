import type { Page } from "playwright-core";
import { plugin } from "../inspect/kit.ts";
import { AMD64 } from "../support/elf.ts";
import { goTypes } from "../support/go-types.ts";

/** What people do on the page, in English, and what they do it with. */

/** Its type is found out from its .so. */
export const SINK = {
  type: "sinks",
  name: "random",
  soContent: plugin({ types: goTypes(AMD64, { Random: "sink" }) }),
} as const;

export async function press(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).click();
}

export async function chooseFile(page: Page, file: string): Promise<void> {
  await page.getByLabel("Choose a zip", { exact: true }).setInputFiles(file);
}

export async function inspectUrl(page: Page, url: string): Promise<void> {
  await page.getByLabel("URL of the zip").fill(url);
  await press(page, "Inspect");
}

/** The page asks the server again, as it does every few seconds. */
export async function askAgain(page: Page): Promise<void> {
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
}

/** Loads the page anew with timers that the test runs: those from before are real ones. */
export async function holdTimers(page: Page): Promise<void> {
  await page.clock.install();
  await page.reload();
}
