import { expect } from "vitest";
import { send } from "../support/http-client.ts";
import { browserTest as test } from "./harness.ts";

/** The page at /docs/, which shows the contract. */

test("the page shows every call, keeps to its own server, and tries a call", async ({ browser, start }) => {
  const url = await start();
  const page = await browser.newPage();
  const faults: string[] = [];
  const foreign: string[] = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => request.url().startsWith(url) || foreign.push(request.url()));

  await page.goto(`${url}/docs`);
  const calls = page.locator(".opblock-summary-path");
  await calls.first().waitFor();
  const document = JSON.parse((await send(`${url}/openapi.json`)).text) as { paths: Record<string, object> };
  const count = Object.values(document.paths).reduce((sum, methods) => sum + Object.keys(methods).length, 0);
  await expect.poll(() => calls.count()).toBe(count);

  await page.locator("#operations-Plugins-listAllPlugins .opblock-summary-control").click();
  await page.getByRole("button", { name: "Try it out" }).click();
  await page.getByRole("button", { name: "Execute" }).click();
  await page.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();

  expect({ faults, foreign: foreign.filter((address) => !address.startsWith("data:")) }).toEqual({
    faults: [],
    foreign: [],
  });
});
