import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { send } from "../support/http-client.ts";
import { recordedElf } from "../support/recorded-elf.ts";
import { browserTest } from "./harness.ts";

/** One plugin, and the check before an upgrade: with recorded binaries of an engine and of plugins. */

/** A recorded file is mostly zeros. */
const SETTINGS = { PLUGINPACKAGE__MAXRATIO: "1100" };

const test = browserTest.extend("putEngine", ({ server }) => async (path: string, recorded: string) => {
  await mkdir(join(server.base, "bin"), { recursive: true });
  await writeFile(join(server.base, path), await recordedElf(recorded));
});

test("a verdict has its cause first, and the packages folded", async ({ start, putEngine, install, open }) => {
  await putEngine("bin/kuiperd", "engine");
  await start(SETTINGS);
  await install({ type: "functions", name: "random", soContent: await recordedElf("changed-plugin") });
  const page = await open();
  await page.getByRole("link", { name: "random" }).click();
  await page.getByRole("heading", { name: "random", level: 1 }).waitFor();
  await page.getByText("It was built with other packages than the engine.").waitFor();
  const differing = page.getByText("example.com/engine/model", { exact: true });
  expect(await differing.count()).toBe(0);
  await page.getByText("1 package differs from the engine's").click();
  await differing.waitFor();
});

test("files, origin and what install.sh printed are there to read", async ({ start, install, open }) => {
  await start();
  await install({ type: "sources", name: "random", script: "echo the libraries are there\n" });
  const page = await open({ route: "/plugins/sources/random" });
  await page.getByRole("rowheader", { name: "plugins/sources/Random@v1.0.0.so" }).waitFor();
  await page.getByRole("rowheader", { name: "etc/sources/random.yaml" }).waitFor();
  await page.getByText("What install.sh printed").click();
  await page.getByText("the libraries are there").waitFor();
});

test("one click goes back to an earlier version, after it was said what that means", async ({
  start,
  install,
  update,
  open,
}) => {
  await start();
  await install({ type: "sources", name: "random" });
  await update({ type: "sources", name: "random", version: "2.0.0" });
  const page = await open({ route: "/plugins/sources/random" });
  await page.getByRole("button", { name: "Roll back to 1.0.0" }).click();
  const dialog = page.getByRole("dialog", { name: "Roll back to 1.0.0" });
  await dialog.getByText("random goes from 2.0.0 back to 1.0.0").waitFor();
  await dialog.getByRole("button", { name: "Roll back to 1.0.0" }).click();
  await page.getByText("random is rolled back.").waitFor();
  await page.getByRole("button", { name: "Roll back to 2.0.0" }).waitFor();
  expect(await page.getByRole("dialog").count()).toBe(0);
});

test("Update… knows which plugin it is for, also after a reload, and refuses another one", async ({
  start,
  install,
  open,
  host,
  server,
}) => {
  await start();
  await install({ type: "sources", name: "random" });
  const page = await open({ route: "/plugins/sources/random", expects: [/status of 400/] });
  await page.getByRole("link", { name: "Update…" }).click();
  await page.getByRole("heading", { name: "Update random", level: 1 }).waitFor();
  await page.getByLabel("URL of the zip").fill(host.serveZip({ type: "sources", name: "zmq" }));
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("The zip is damaged, or is not a plugin as it should be.").waitFor();
  await page.getByLabel("URL of the zip").fill(host.serveZip({ type: "sources", name: "random", version: "2.0.0" }));
  await page.keyboard.press("Enter");
  await page.getByText("random is installed, version 1.0.0.").waitFor();
  await page.reload();
  await page.getByText("random is installed, version 1.0.0.").waitFor();
  expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe("Update random");
  expect(await page.getByLabel("Name").or(page.getByLabel("Type")).count()).toBe(0);
  await page.getByRole("button", { name: "Update", exact: true }).click();
  await page.getByText("random is updated.").waitFor();
  expect(JSON.parse((await send(`${server.url}/plugins/sources/random`)).text).version).toBe("2.0.0");
});

test("a plugin that is not there is a failure with a next step", async ({ start, open }) => {
  await start();
  const page = await open({ route: "/plugins/sinks/none", expects: [/status of 404/] });
  await page.getByRole("alert").getByText("This plugin is not installed.").waitFor();
});

test("another engine binary is compared with before an upgrade", async ({ start, putEngine, install, open }) => {
  await putEngine("bin/kuiperd", "engine");
  await putEngine("bin/next", "arm-engine");
  await start(SETTINGS);
  await install({ type: "functions", name: "random", soContent: await recordedElf("plugin") });
  const page = await open();
  await page.getByRole("link", { name: "Upgrade check" }).click();
  await page.getByRole("textbox", { name: "Path of the engine binary" }).fill("bin/next");
  await page.keyboard.press("Enter");
  await page.getByText("1 of 1 plugins would not load").first().waitFor();
  const row = page.getByRole("row", { name: "random" });
  expect((await row.getByRole("cell").allInnerTexts()).slice(0, 2)).toEqual(["Loads", "Will not load"]);
  await page.getByRole("textbox").fill("bin/kuiperd");
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByText("All 1 plugins would load").first().waitFor();
});

test("an engine binary that is not there is said in words", async ({ start, install, open }) => {
  await start();
  await install({ type: "sources", name: "random" });
  const page = await open({ route: "/upgrade" });
  await page.getByRole("textbox").fill("/nowhere/kuiperd");
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByText("for 1 it can't be told").first().waitFor();
});
