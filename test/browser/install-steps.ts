import type { Page } from "playwright-core";
import { GATED_SCRIPT, type ScriptGate } from "../support/script-gate.ts";
import type { ZipHost } from "../support/zip-host.ts";
import { pluginBinary, show } from "./showcase.ts";

interface Stage {
  readonly page: Page;
  readonly host: ZipHost;
  readonly gate: ScriptGate;
}

/** A package of it differs from the engine's, so there is a cause to read. */
const MISFIT = pluginBinary("influx", "3.0.0", "9".repeat(16));

/**
 * Goes through an update of the showcase's influx, in any language, and waits for `look` at each step. The browser will say
 * `status of 400` of the first.
 */
export async function throughInstall({ page, host, gate }: Stage, look: (step: string) => Promise<void>) {
  await show(page, "/install");
  const url = page.locator("main input.mono");
  await url.fill("http://127.0.0.1:1/influx.zip");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await look("a zip that was not taken");

  const script = `echo 'looking for libzmq.so.5'\n${GATED_SCRIPT}`;
  const zip = host.holdZip({ type: "sinks", name: "influx", version: "3.0.0", soContent: MISFIT, script });
  await url.fill(zip.url);
  await page.keyboard.press("Enter");
  await zip.asked;
  await page.locator(".panel .progress").waitFor();
  await look("an inspection in progress");

  zip.release();
  await page.locator("form.review").waitFor();
  for (const fold of await page.locator("form.review summary").all()) await fold.click();
  await page.locator("form.review .log").waitFor();
  await look("what was found out");

  await page.locator("form.review textarea").fill(gate.args.join("\n"));
  await page.locator("form.review .primary").click();
  await gate.started;
  await page.locator(".job .log").waitFor();
  await look("an install in progress");

  await show(page, "/jobs");
  await page.locator("td .progress").waitFor();
  await look("the jobs");

  gate.release();
  await show(page, "/install");
  await page.locator(".job .banner").waitFor();
  await look("an install that has ended");
}
