import { expect } from "vitest";
import { GATED_SCRIPT } from "../support/script-gate.ts";
import { browserTest as test } from "./harness.ts";

/** Jobs: what is in progress, live, whoever started it. */

test("a running install shows its stage and what install.sh prints, and ends by itself", async ({
  start,
  installGated,
  gate,
  open,
}) => {
  await start();
  const { installed } = await installGated(`echo begins\n${GATED_SCRIPT}`);
  const page = await open({ route: "/jobs" });
  const row = page.getByRole("row", { name: "Install random" });
  await row.getByText("runs install.sh").waitFor();
  await row.getByRole("progressbar", { name: "Install random" }).waitFor();
  await row.getByRole("link").click();
  await page.getByRole("region", { name: "What install.sh prints" }).getByText("begins").waitFor();
  gate.release();
  await installed;
  await page.getByText("random is installed.").waitFor();
  await page.getByText(/\d, .*, took [\d.]+ seconds?$/).waitFor();
  await page.getByRole("link", { name: "To the plugin" }).click();
  await page.getByRole("heading", { name: "random", level: 1 }).waitFor();
});

test("a running install can be cancelled", async ({ start, installGated, open }) => {
  await start();
  const { installed } = await installGated(GATED_SCRIPT);
  const page = await open({ route: "/jobs" });
  await page.getByRole("link", { name: "Install random" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alert").getByText("It was cancelled. No plugin was changed.").waitFor();
  expect((await installed).status).toBe(409);
});

test("a job that the server does not know is said", async ({ start, open }) => {
  await start();
  const page = await open({ route: "/jobs/00000000", expects: [/status of 404/] });
  await page.getByRole("alert").getByText("The server does not know this job any more.").waitFor();
});

test("without jobs, it is said what would be here", async ({ start, open }) => {
  await start();
  const page = await open({ route: "/jobs" });
  await page.getByText("There are no jobs yet.").waitFor();
});
