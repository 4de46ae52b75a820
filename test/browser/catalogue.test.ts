import { expect } from "vitest";
import { browserTest as test } from "./harness.ts";

/** What the plugin hosts offer, and what the page says where they don't. */

const PLATFORM = { PREBUILD__OS: "debian", PREBUILD__ARCH: "amd64" };
const DOWN = "http://127.0.0.1:1";

const FOLDER = "/kuiper-plugins/1.0.2/debian/sources/";

test.beforeEach(({ host }) => {
  host.serve(FOLDER, Buffer.from('<a href="random_amd64.zip">x</a><a href="zmq_amd64.zip">x</a>'));
});

test("lists what hosts offer and what is installed, names hosts that failed, and leads to an install", async ({
  start,
  open,
  install,
  host,
}) => {
  await start({ ...PLATFORM, BASIC__PLUGINHOSTS: `${DOWN}, ${host.origin}` });
  await install({ type: "sources", name: "random", version: "1.2.0" });
  const page = await open({ route: "/catalogue", expects: [/status of 400/] });
  const row = page.getByRole("row", { name: "random" });
  await row.waitFor();
  expect(await row.getByRole("link").innerText()).toBe("1.2.0");
  expect(await page.getByRole("row", { name: "zmq" }).innerText()).toContain("not installed");
  const failed = page.getByText("Some plugin hosts have failed");
  expect(await failed.locator("..").innerText()).toMatch(/127\.0\.0\.1:1: .*refused/);
  await page.getByRole("button", { name: "Install… zmq" }).click();
  await page.getByText("The zip could not be downloaded.").waitFor(); // the host has its name, and not the file
});

test("says that one is offline, and what can be done without a network", async ({ start, open }) => {
  await start({ ...PLATFORM, BASIC__PLUGINHOSTS: DOWN });
  const page = await open({ route: "/catalogue" });
  await page.getByRole("alert").getByText("No plugin host could be reached: you may be offline.").waitFor();
  await page.getByRole("link", { name: "Install a zip by hand" }).click();
  await page.getByRole("heading", { name: "Install a plugin" }).waitFor();
});

test("asks again when told to", async ({ start, open, host }) => {
  await start({ ...PLATFORM, BASIC__PLUGINHOSTS: host.origin, PREBUILD__CACHESECONDS: "0" });
  const page = await open({ route: "/catalogue" });
  await page.getByRole("row", { name: "zmq" }).waitFor();
  const page2 = '<a href="mqtt_amd64.zip">x</a>';
  host.serve(FOLDER, Buffer.from(page2));
  await page.getByRole("button", { name: "Ask again" }).click();
  await page.getByRole("row", { name: "mqtt" }).waitFor();
});
