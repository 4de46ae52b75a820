import { expect } from "vitest";
import { send } from "../support/http-client.ts";
import { browserTest as test } from "./harness.ts";
import { tabTo } from "./keyboard.ts";

/** A plugin is installed, updated, rolled back and deleted with the keyboard alone: no test here uses a pointer. */

test("an install, from the list to the plugin", async ({ start, open, host, server }) => {
  await start();
  const page = await open();
  await page.getByText("No plugin is installed yet.").waitFor();
  await tabTo(page, "Install");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Install a plugin" }).waitFor();
  await tabTo(page, "URL of the zip");
  const script = "echo 'a line of the script'\n";
  await page.keyboard.type(host.serveZip({ type: "sinks", name: "random", script }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "random", exact: true }).waitFor();
  await tabTo(page, "Type");
  expect(await page.getByLabel("Type").inputValue()).toBe("functions");
  await page.keyboard.press("ArrowUp"); // not by its letters: where they come slowly, each begins a search of its own
  await page.getByText("Sink 1.0.0").waitFor(); // until it is inspected as one, there is no button to install it
  await tabTo(page, "Read install.sh");
  await page.keyboard.press("Enter");
  await page.getByText("echo 'a line of the script'").waitFor();
  await tabTo(page, "Install");
  await page.keyboard.press("Enter");
  await page.getByText("random is installed.").waitFor();
  expect(await page.evaluate("document.activeElement.id")).toBe("content");
  await tabTo(page, "To the plugin");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "random", level: 1 }).waitFor();
  expect((await send(`${server.url}/plugins/sinks/random`)).status).toBe(200);
});

test("a rollback, and a delete", async ({ start, open, install, update, server }) => {
  await start();
  await install({ type: "sinks", name: "file" });
  await update({ type: "sinks", name: "file", version: "2.0.0" });
  const page = await open({ expects: [/status of 404/] });
  await page.getByRole("row", { name: "file" }).waitFor();
  await tabTo(page, "file");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "file", level: 1 }).waitFor();
  await tabTo(page, "Roll back to 1.0.0");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await tabTo(page, "Roll back to 1.0.0");
  await page.keyboard.press("Enter");
  await page.getByText("file is rolled back.").waitFor();
  await tabTo(page, "Delete…");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete file?" });
  await dialog.waitFor();
  await tabTo(page, "Delete");
  await page.keyboard.press("Enter");
  await dialog.getByText("file is deleted.").waitFor();
  await tabTo(page, "To the list");
  await page.keyboard.press("Enter");
  await page.getByText("No plugin is installed yet.").waitFor();
  expect((await send(`${server.url}/plugins/sinks/file`)).status).toBe(404);
});
