import type { Page } from "playwright-core";
import { expect } from "vitest";
import { post } from "../support/http-client.ts";
import { pluginZip, writePluginZip } from "../support/plugin-zip.ts";
import { show, showcaseTest as test } from "./showcase.ts";

/**
 * The worst text wherever the page shows what others wrote: it is shown as text. As HTML it would be an element, a line in the
 * console (the policy stops its script) or a request for its picture; the harness fails on the last two.
 */

const HTML = '<img src="x" onerror="alert(1)"><script>alert(2)</script><svg onload=alert(3)>&lt;';
/** Where a slash can't be. */
const IN_NAME = "<img src=x onerror=alert(1)>";

/** What Chromium says of a reply that is a failure. */
const expects = [/status of 4\d\d/];

async function expectText(page: Page, text: string): Promise<void> {
  await page.getByText(text).first().waitFor();
  await expectNoElement(page);
}

async function expectNoElement(page: Page): Promise<void> {
  expect(await page.locator("img, script:not([src]), svg[onload], iframe, [onerror]").count()).toBe(0);
}

test("of packages, their scripts and their files", async ({ fill, server, install, host, folder, open, contents }) => {
  await fill();
  const hostile = {
    ...contents("sinks", "evil", { version: `1.0.0${IN_NAME}`, script: `echo '${HTML}'` }),
    files: { [`etc/sinks/evil/${IN_NAME}.txt`]: "x" },
  };
  const file = await writePluginZip(folder, hostile);
  expect((await install(hostile)).status).toBe(201);
  const page = await open({ expects });
  await page.getByRole("link", { name: "evil" }).waitFor();
  await expectText(page, `1.0.0${IN_NAME}`);
  await page.getByRole("link", { name: "evil" }).click();
  await page.getByText("What install.sh printed").click();
  for (const text of [HTML, `/${IN_NAME}.txt`, `Evil@v1.0.0${IN_NAME}.so`]) await expectText(page, text);

  await show(page, "/install");
  await page.getByLabel("Choose a zip", { exact: true }).setInputFiles(file);
  await page.getByRole("heading", { name: "evil", exact: true }).waitFor();
  await page.getByText("Read install.sh").click();
  await expectText(page, `echo '${HTML}'`);

  const failing = pluginZip({ ...contents("sinks", "bad"), script: `echo '${HTML}'; exit 3` });
  const [status] = await post(`${server.url}/plugins/sinks`, { name: "bad", file: host.serve("/bad.zip", failing) });
  expect(status).toBe(400);
  await show(page, "/jobs");
  await page.getByText("bad").first().click();
  await expectText(page, HTML);
});

test("of the engine, and of addresses", async ({ engine, fill, open }) => {
  engine.rules.push({ id: `rule${IN_NAME}`, sql: "SELECT * FROM demo", actions: ["influx"] });
  await fill();
  const page = await open({ route: "/plugins/sinks/influx", expects });
  await expectText(page, `rule${IN_NAME}`);
  await show(page, "/install");
  await page.getByLabel("URL of the zip").fill(`http://127.0.0.1:1/${HTML}.zip`);
  await page.getByRole("button", { name: "Inspect" }).click();
  await page.getByRole("alert").first().waitFor();
  await expectNoElement(page);
});

test("in the page's own address, which a link of anybody's may have", async ({ fill, open }) => {
  await fill();
  const page = await open({ expects });
  const encoded = encodeURIComponent(HTML);
  const unknown = [
    `/plugins/${encoded}/x`,
    `/${encoded}`,
    "/plugins/__proto__/constructor",
    "/plugins/portables/x",
    "/install/x/y",
  ];
  for (const route of unknown) {
    await show(page, route);
    await page.getByText("There is no such page.").waitFor();
    await expectNoElement(page);
  }
  for (const route of [`/plugins/sinks/${encoded}`, "/plugins/sinks/%", "/plugins/sinks/..%2f..%2fjobs"]) {
    await show(page, route);
    await page.getByRole("alert").getByText("This plugin is not installed.").waitFor();
    await expectNoElement(page);
  }
  for (const route of ["/install/sinks/%", `/install/sinks/${encoded}`]) {
    await show(page, route);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await expectNoElement(page);
  }
  for (const route of [`/jobs/${encoded}`, "/jobs/%", "/jobs/..%2fplugins"]) {
    await show(page, route);
    await page.getByRole("alert").first().waitFor();
    await expectNoElement(page);
  }
});
