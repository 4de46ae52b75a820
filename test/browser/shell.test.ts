import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { browserTest as test } from "./harness.ts";
import { tabTo } from "./keyboard.ts";

/** What is around the views: languages, the keyboard, narrow windows, the size of it all. */

const MAX_BYTES = 70 * 1024;

test("everything that a browser gets has at most 70 KiB, compressed", () => {
  const files = readdirSync("dist/ui", { recursive: true, encoding: "utf8" }).map((name) => join("dist/ui", name));
  const sent = files.filter((name) => name.endsWith(".br"));
  expect(sent.length).toBeGreaterThan(2);
  expect(sent.reduce((sum, name) => sum + statSync(name).size, 0)).toBeLessThanOrEqual(MAX_BYTES);
});

test("the language is the browser's, can be switched, and is kept", async ({ start, open }) => {
  await start();
  const page = await open({ locale: "zh-CN" });
  await page.getByText("尚未安装插件。").waitFor();
  expect(await page.evaluate("document.documentElement.lang")).toBe("zh-CN");
  await page.getByRole("combobox", { name: "语言" }).selectOption("English");
  await page.getByText("No plugin is installed yet.").waitFor();
  expect(await page.evaluate("document.documentElement.lang")).toBe("en");
  await page.reload();
  await page.getByText("No plugin is installed yet.").waitFor();
});

test("a failure is in the page's language, with the server's own sentence beside it", async ({ start, open }) => {
  await start();
  const page = await open({ locale: "zh-CN", route: "/plugins/sinks/none", expects: [/status of 404/] });
  const alert = page.getByRole("alert");
  await alert.getByText("未安装此插件。").waitFor();
  await alert.getByText("describe sinks plugin none error: not found").waitFor();
});

test("where a plugin came from is in the page's language, also for a search", async ({ start, install, open }) => {
  await start();
  await install({ type: "sinks", name: "file" });
  const page = await open({ locale: "zh-CN" });
  const row = page.getByRole("row", { name: "file" });
  await row.getByText("上传", { exact: true }).waitFor();
  await page.getByRole("searchbox").fill("上传");
  await row.waitFor();
});

test("the keyboard alone reaches a plugin, and the focus can be seen", async ({ start, install, open }) => {
  await start();
  await install({ type: "sources", name: "random" });
  const page = await open();
  await page.getByRole("row", { name: "random" }).waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
  await page.keyboard.press("Enter");
  await tabTo(page, "random", 20);
  expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "random", level: 1 }).waitFor();
});

test("another view has a title of its own, and begins at its top with the focus", async ({ start, open }) => {
  await start();
  const page = await open();
  await page.getByRole("link", { name: "Jobs" }).click();
  await page.getByRole("heading", { name: "Jobs", level: 1 }).waitFor();
  await expect.poll(() => page.title()).toBe("Jobs · Kuiper plugins");
  expect(await page.evaluate("document.activeElement.id")).toBe("content");
});

test("a dialog takes the focus, Escape leaves it, and the focus goes back", async ({
  start,
  install,
  update,
  open,
}) => {
  await start();
  await install({ type: "sources", name: "random" });
  await update({ type: "sources", name: "random", version: "2.0.0" });
  const page = await open({ route: "/plugins/sources/random" });
  await page.getByRole("button", { name: "Roll back to 1.0.0" }).press("Enter");
  await page.getByRole("dialog").waitFor();
  expect(await page.evaluate("document.activeElement.closest('dialog') !== null")).toBe(true);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await page.evaluate("document.activeElement.textContent")).toContain("Roll back to 1.0.0");
});

for (const [what, viewport] of [
  ["390 pixels", { width: 390, height: 844 }],
  ["200 % zoom", { width: 640, height: 400 }], // what a window of 1280 × 800 has then
] as const) {
  test(`nothing has to be scrolled sideways at ${what}`, async ({ start, install, update, open }) => {
    await start();
    await install({ type: "sources", name: "random_with_quite_a_long_name_for_a_plugin" });
    await update({ type: "sources", name: "random_with_quite_a_long_name_for_a_plugin", version: "2.0.0" });
    for (const route of ["/", "/plugins/sources/random_with_quite_a_long_name_for_a_plugin", "/upgrade", "/jobs"]) {
      const page = await open({ viewport, route });
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.getByText("random_with").or(page.getByRole("textbox")).first().waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    }
  });
}

test("a proxy may have the page in a folder of its own", async ({ start, install, proxied, open }) => {
  await start();
  await install({ type: "sources", name: "random" });
  const page = await open({ at: await proxied({ folder: "/manager" }) });
  await page.getByRole("link", { name: "random" }).click();
  await page.getByRole("rowheader", { name: "etc/sources/random.yaml" }).waitFor();
});

test("an address that is none of the page's leads back to the list", async ({ start, open }) => {
  await start();
  const page = await open({ route: "/nowhere" });
  await page.getByRole("link", { name: "To the list of plugins" }).click();
  await page.getByRole("heading", { name: "Plugins", level: 1 }).waitFor();
});
