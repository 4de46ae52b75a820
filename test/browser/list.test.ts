import { expect } from "vitest";
import { browserTest as test } from "./harness.ts";

/** The list of plugins, on a server that stands alone. */

test("an empty server says so, and how to begin", async ({ start, open }) => {
  await start();
  const page = await open();
  await page.getByText("No plugin is installed yet.").waitFor();
  expect(await page.title()).toBe("Plugins · Kuiper plugins");
});

test("all types are one list, with name, version, verdict, signature and origin", async ({ start, install, open }) => {
  await start();
  await install({ type: "sources", name: "random" });
  await install({ type: "sinks", name: "influx", version: "2.1.0" });
  await install({ type: "functions", name: "image" });
  const page = await open();
  const row = page.getByRole("row", { name: "influx" });
  await row.waitFor();
  const heads = await page.getByRole("columnheader").allInnerTexts();
  expect(heads.map((head) => head.trim())).toEqual(["Name", "Type", "Version", "Verdict", "Signature", "Origin"]);
  const cells = await row.getByRole("cell").allInnerTexts();
  expect(cells).toEqual(["Sink", "2.1.0", "Unknown", "Not asked for", "upload"]);
  expect(await page.getByRole("row").count()).toBe(4);
});

test("slash starts a search, filters narrow it, and one button clears both", async ({ start, install, open }) => {
  await start();
  await install({ type: "sources", name: "random" });
  await install({ type: "sinks", name: "influx" });
  const page = await open();
  await page.getByRole("row", { name: "random" }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("infl");
  expect(await page.getByRole("searchbox").inputValue()).toBe("infl");
  await expect.poll(() => page.getByRole("rowheader").allInnerTexts()).toEqual(["influx"]);
  await page.getByRole("combobox", { name: "Type" }).selectOption("Source");
  await page.getByText("No plugin matches").waitFor();
  await page.getByRole("button", { name: "Clear search and filters" }).click();
  await expect.poll(() => page.getByRole("rowheader").count()).toBe(2);
});

test("the list follows what others change, without a reload", async ({ start, install, open }) => {
  await start();
  const page = await open();
  await page.getByText("No plugin is installed yet.").waitFor();
  await install({ type: "sources", name: "random" });
  await page.getByRole("row", { name: "random" }).waitFor();
});

test("a server that goes away is said, and the list comes back by itself", async ({ start, install, open, server }) => {
  await start();
  await install({ type: "sources", name: "random" });
  const page = await open({ expects: [/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/] });
  await page.getByRole("row", { name: "random" }).waitFor();
  server.process.kill("SIGKILL");
  await server.process.ended;
  await page.getByRole("alert").getByText("The server does not answer.").waitFor();
  expect(await page.getByRole("row", { name: "random" }).isVisible()).toBe(true);
  await start();
  await page.getByRole("alert").waitFor({ state: "detached" });
  await install({ type: "sources", name: "zmq" });
  await page.getByRole("row", { name: "zmq" }).waitFor();
});
