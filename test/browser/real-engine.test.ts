import { expect } from "vitest";
import { EngineStack } from "../system/engine-stack.ts";
import { buildHost } from "../system/host-build.ts";
import { browserTest as test } from "./harness.ts";

/** In front of the engine-like host, which loads real Go plugins and runs their code; both are built first. */
const TIMEOUT_MS = 600_000;

test("an update whose code fails is undone by the page's restart, in the plugin's own words", {
  timeout: TIMEOUT_MS,
}, async ({ folder, open }) => {
  const build = await buildHost(folder);
  const settings = { ENGINE__RESTART: "stop", ENGINE__BINARY: build.program };
  const stack = await EngineStack.start({ build, settings });
  await stack.put("POST", "random", "1.0.0");
  await stack.createRule();
  expect(await stack.messageVersion()).toBe(1);

  const page = await open({ at: stack.url });
  const row = page.getByRole("row", { name: "random" });
  await row.getByText("Loads").waitFor();
  await row.getByText("Loaded").waitFor();
  await row.getByText("1 rule").waitFor();

  await stack.put("PUT", "nodevice", "2.0.0");
  await row.getByText("Waits for a restart").waitFor();
  await page.getByRole("button", { name: "Restart the engine" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
  await page.getByText("so the changes were undone").waitFor();
  await page.getByText("device /dev/sensor7 is missing").waitFor();
  await row.getByRole("cell", { name: "1.0.0", exact: true }).waitFor();
  expect(await stack.messageVersion()).toBe(1);
});
