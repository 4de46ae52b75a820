import { expect } from "vitest";
import { send } from "../support/http-client.ts";
import { inFrontBrowserTest, browserTest as test } from "./harness.ts";
import { askAgain } from "./steps.ts";

/** A delete says before whom it hits, and how to come back from it. */

test("says what stays, deletes, and offers the way back", async ({ start, open, host, server }) => {
  await start();
  const file = host.serveZip({ type: "sinks", name: "file" });
  const body = { name: "file", file };
  expect((await send(`${server.url}/plugins/sinks`, { method: "POST", body })).status).toBe(201);
  const page = await open({ route: "/plugins/sinks/file", expects: [/status of 404/] });
  await page.getByRole("button", { name: "Delete…" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete file?" });
  const text = await dialog.innerText();
  expect(text).toContain("What its install.sh did to the system is not undone.");
  expect(text).toContain("Which rules use it is not known: this server does not know the engine (engine.url).");
  expect(text).toContain(file);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect((await send(`${server.url}/plugins/sinks/file`)).status).toBe(200);

  await page.getByRole("button", { name: "Delete…" }).click();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await dialog.getByText("file is deleted.").waitFor();
  await dialog.getByText("The engine keeps what it has loaded until its next restart.").waitFor();
  expect((await send(`${server.url}/plugins/sinks/file`)).status).toBe(404);
  await askAgain(page);
  await page.getByText("This plugin is not installed.").waitFor();
  await dialog.getByRole("button", { name: "Install it again…" }).click();
  await page.getByRole("heading", { name: "file", exact: true }).waitFor();
});

inFrontBrowserTest(
  "names the rules that use it, and asks twice where they are protected",
  async ({ startBoth, open, engine, install, server }) => {
    await startBoth({ ENGINE__PROTECTUSED: "true" });
    await install({ type: "sinks", name: "random" });
    engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["random"] });
    const page = await open({ route: "/plugins/sinks/random", expects: [/status of (409|404)/] });
    await page.getByRole("button", { name: "Delete…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("1 rule uses it and will stop with the engine's next restart:").waitFor();
    expect(await dialog.getByRole("list", { name: "Rules" }).innerText()).toContain("rule1");
    await dialog.getByRole("button", { name: "Delete", exact: true }).click();
    await dialog.getByText("Rules use this plugin, so it is protected.").waitFor();
    await dialog.getByRole("button", { name: "Delete all the same" }).click();
    await dialog.getByText("random is deleted.").waitFor();
    expect((await send(`${server.url}/plugins/sinks/random`)).status).toBe(404);
  },
);
