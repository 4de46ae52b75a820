import { join } from "node:path";
import { expect } from "vitest";
import { writePluginZip } from "../support/plugin-zip.ts";
import { browserTest as test } from "./harness.ts";
import { chooseFile, press, SINK } from "./steps.ts";

/** With authentication: the page itself needs no token, and asks for one. */

const SETTINGS = { BASIC__AUTHENTICATION: "true" };
const REFUSED = [/status of 401/];

test("a token is asked for, kept over a reload, and can be forgotten", async ({ start, sign, open }) => {
  await start(SETTINGS);
  const page = await open({ expects: REFUSED });
  const dialog = page.getByRole("dialog", { name: "This server asks for a token" });
  await dialog.getByRole("textbox", { name: "Token" }).fill(await sign());
  await page.keyboard.press("Enter");
  await page.getByText("No plugin is installed yet.").waitFor();
  expect(await dialog.count()).toBe(0);
  await page.reload();
  await page.getByText("No plugin is installed yet.").waitFor();
  expect(await page.evaluate("localStorage.length + document.cookie.length")).toBe(0);
  await page.getByRole("button", { name: "Forget the token" }).click();
  await dialog.waitFor();
});

test("a token that the server refuses is asked for again, with its reason", async ({ start, sign, open }) => {
  await start(SETTINGS);
  const page = await open({ expects: REFUSED });
  await page.getByRole("textbox", { name: "Token" }).fill(await sign({ exp: 1 }));
  await page.getByRole("button", { name: "Use this token" }).click();
  await page.getByRole("dialog").getByText("the token is refused").waitFor();
});

test("a token that may not send a zip is taken for one that only reads", async ({ start, sign, open, folder }) => {
  await start(SETTINGS);
  await writePluginZip(folder, SINK);
  const page = await open({ route: "/install", expects: [...REFUSED, /status of 403/] });
  await page.getByRole("textbox", { name: "Token" }).fill(await sign());
  await press(page, "Use this token");
  const body = JSON.stringify({ error: "FORBIDDEN", message: "the token may only read" });
  await page.route("**/config/uploads", (route) =>
    route.fulfill({ status: 403, contentType: "application/json", body }),
  );
  await chooseFile(page, join(folder, "random.zip"));
  await page.getByText("Read only").waitFor();
});

test("what a token for reading may not do is not offered", async ({ start, sign, open }) => {
  await start(SETTINGS);
  const page = await open({ expects: REFUSED });
  await page.getByRole("textbox", { name: "Token" }).fill(await sign({ scope: "read" }));
  await page.getByRole("button", { name: "Use this token" }).click();
  await page.getByText("Read only").waitFor();
  await page.getByText("No plugin is installed yet.").waitFor();
  expect(await page.getByRole("link", { name: "Install" }).count()).toBe(0);
});
