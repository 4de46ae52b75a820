import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { post, send } from "../support/http-client.ts";
import { pluginZip, writePluginZip } from "../support/plugin-zip.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";
import { browserTest } from "./harness.ts";
import { chooseFile, inspectUrl, press, SINK } from "./steps.ts";

/** From a zip to an installed plugin, and what can go wrong on the way. */

const test = browserTest
  /** The names of the installed plugins of a type. */
  .extend("names", ({ server }) => async (type = "sinks"): Promise<string[]> => {
    return JSON.parse((await send(`${server.url}/plugins/${type}`)).text);
  })
  .extend("uploads", ({ server }) => async (): Promise<string[]> => {
    return JSON.parse((await send(`${server.url}/config/uploads`)).text);
  });

/** What Chromium says of a reply that is a failure. */
const STATUS = (status: number) => [new RegExp(`status of ${status}`)];

describe("a zip is inspected before it is installed", () => {
  test("a file is sent, looked at and installed, and nothing is left of it", async ({
    start,
    open,
    folder,
    names,
    uploads,
  }) => {
    await start();
    const page = await open({ route: "/install" });
    await chooseFile(page, await writePluginZip(folder, { ...SINK, script: "echo 'a line of the script'\n" }));
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    expect(await names()).toEqual([]);
    expect(await page.getByLabel("Type").inputValue()).toBe("sinks");
    await page.getByText("Read install.sh").click();
    await page.getByText("echo 'a line of the script'").waitFor();
    expect(await page.getByText("plugins/sinks/Random@v1.0.0.so").isVisible()).toBe(true);
    await press(page, "Install");
    await page.getByText("random is installed.").waitFor();
    await expect.poll(names).toEqual(["random"]);
    await expect.poll(uploads).toEqual([]);
    await press(page, "Dismiss");
    await page.getByText("random is installed.").waitFor({ state: "detached" });
  });

  test("a zip that is dropped on any view is inspected", async ({ start, open }) => {
    await start();
    const page = await open();
    const bytes = pluginZip(SINK).toString("base64");
    await page.getByText("No plugin is installed yet.").waitFor();
    // As text, since tests are checked without a browser's types.
    const data = await page.evaluateHandle(`(() => {
      const content = Uint8Array.from(atob("${bytes}"), (letter) => letter.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([content], "random.zip", { type: "application/zip" }));
      return transfer;
    })()`);
    await page.dispatchEvent("main", "dragover", { dataTransfer: data });
    await page.getByText("Drop the zip to inspect it").waitFor();
    await page.dispatchEvent("main", "drop", { dataTransfer: data });
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    expect(await page.getByText("Drop the zip to inspect it").count()).toBe(0);
  });

  test("an address is inspected, and an installed plugin is updated", async ({
    start,
    open,
    install,
    host,
    server,
  }) => {
    await start();
    await install(SINK);
    const page = await open({ route: "/install" });
    await inspectUrl(page, host.serveZip({ ...SINK, version: "2.0.0", json: "{}" }));
    await page.getByText("random is installed, version 1.0.0.").waitFor();
    await press(page, "Update");
    await page.getByText("random is updated.").waitFor();
    expect(JSON.parse((await send(`${server.url}/plugins/sinks/random`)).text).version).toBe("2.0.0");
  });

  test("the type can be corrected, and functions and arguments be given", async ({
    start,
    open,
    host,
    server,
    gate,
  }) => {
    await start();
    const page = await open({ route: "/install" });
    await inspectUrl(page, host.serveZip({ ...SINK, script: GATED_SCRIPT }));
    await page.getByLabel("Type").selectOption("functions");
    await page.getByLabel("Functions").fill("random, other");
    await page.getByLabel("Arguments of install.sh").fill(gate.args.join("\n"));
    await press(page, "Install");
    await gate.started;
    gate.release();
    await page.getByText("random is installed.").waitFor();
    expect(JSON.parse((await send(`${server.url}/plugins/functions/random`)).text).functions).toEqual([
      "random",
      "other",
    ]);
  });

  test("leaving it deletes what was sent", async ({ start, open, folder, uploads }) => {
    await start();
    const page = await open({ route: "/install" });
    await chooseFile(page, await writePluginZip(folder, SINK));
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    expect(await uploads()).toHaveLength(1);
    await press(page, "Cancel");
    await page.getByLabel("URL of the zip").waitFor();
    await expect.poll(uploads).toEqual([]);
  });
});

describe("what goes wrong stays on the screen, with what to do", () => {
  test("a file that is no plugin", async ({ start, open, folder, uploads }) => {
    await start();
    const page = await open({ route: "/install", expects: STATUS(400) });
    const file = join(folder, "bad.zip");
    await writeFile(file, "PK\x03\x04 and no zip");
    await chooseFile(page, file);
    const failure = page.getByRole("alert");
    await failure.getByText("The zip is damaged, or is not a plugin as it should be.").waitFor();
    expect(await failure.innerText()).toMatch(/not a valid zip file[\s\S]*ask whoever built this one/);
    await expect.poll(uploads).toEqual([]);
    await failure.getByRole("button", { name: "Copy" }).click();
    await failure.getByRole("button", { name: "Copied" }).waitFor();
  });

  test("a host that is down", async ({ start, open }) => {
    await start();
    const page = await open({ route: "/install", expects: STATUS(400) });
    await inspectUrl(page, "http://127.0.0.1:1/random.zip");
    await page.getByRole("alert").getByText("The zip could not be downloaded.").waitFor();
    expect(await page.getByLabel("URL of the zip").inputValue()).toBe("http://127.0.0.1:1/random.zip");
  });

  test.for([
    [502, "The server does not answer."],
    [413, "The zip is larger than this server takes."],
  ] as const)("a proxy that answers a zip with %s", async ([status, title], { start, open, proxied, folder }) => {
    await start();
    await writePluginZip(folder, SINK);
    const at = await proxied({ refuses: (url) => (url === "/config/uploads" ? status : undefined) });
    const page = await open({ route: "/install", at, expects: STATUS(status) });
    await chooseFile(page, join(folder, "random.zip"));
    await page.getByRole("region", { name: "random.zip" }).getByText(title).waitFor();
  });

  test("a folder of uploads that is full", async ({ start, open, folder }) => {
    await start({ UPLOADS__MAXTOTALBYTES: "1024" });
    const page = await open({ route: "/install", expects: STATUS(507) });
    await chooseFile(page, await writePluginZip(folder, { ...SINK, files: { "more.bin": randomBytes(4096) } }));
    const failure = page.getByRole("alert");
    await failure.getByText("The disk is full.").waitFor();
    expect(await failure.innerText()).toContain("uploads.maxTotalBytes");
  });

  test("a plugin that the engine would not load, where that is enforced", async ({ start, open, host, names }) => {
    await start({ ENGINE__VERIFY: "enforce" });
    const page = await open({ route: "/install" });
    await inspectUrl(page, host.serveZip({ ...SINK, soContent: "no program" }));
    await page.getByText("The file is not a program at all.").waitFor();
    await page.getByLabel("Type").selectOption("sinks");
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    await press(page, "Install");
    await page.getByRole("alert").getByText("The engine would not load this plugin.").waitFor();
    expect(await names()).toEqual([]);
    await page.reload();
    await page.getByRole("alert").getByText("The engine would not load this plugin.").waitFor();
    await press(page, "Dismiss");
    await page.getByRole("alert").waitFor({ state: "detached" });
  });

  test("an address that has another zip by now than the one that was inspected", async ({
    start,
    open,
    host,
    names,
  }) => {
    await start();
    const page = await open({ route: "/install" });
    await inspectUrl(page, host.serveZip(SINK));
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    host.serveZip({ ...SINK, script: "echo 'not what was looked at'\n" });
    await press(page, "Install");
    await page.getByRole("alert").getByText("The zip is not the one that was expected.").waitFor();
    expect(await page.getByRole("alert").innerText()).toContain("inspect it again");
    expect(await names()).toEqual([]);
  });

  test("an install.sh that fails, with what it printed", async ({ start, open, host }) => {
    await start();
    const page = await open({ route: "/install" });
    await inspectUrl(page, host.serveZip({ ...SINK, script: "echo 'no such device'\nexit 3\n" }));
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    await press(page, "Install");
    await page.getByRole("alert").getByText("install.sh has failed. Nothing was installed.").waitFor();
    expect(await page.getByRole("alert").innerText()).toContain("exit status 3");
  });
});

describe("an install in progress", () => {
  test("survives a reload, shows what install.sh prints, and can be cancelled", async ({
    start,
    open,
    host,
    gate,
    names,
  }) => {
    await start();
    const page = await open({ route: "/install" });
    await inspectUrl(page, host.serveZip({ ...SINK, script: `echo "begun now"\n${GATED_SCRIPT}` }));
    await page.getByLabel("Arguments of install.sh").fill(gate.args.join("\n"));
    await press(page, "Install");
    await gate.started;
    await page.getByText("runs install.sh").waitFor();
    await page.reload();
    await page.getByText("runs install.sh").waitFor();
    await page.getByText("begun now").waitFor();
    await press(page, "Cancel");
    await page.getByRole("alert").getByText("It was cancelled. No plugin was changed.").waitFor();
    expect(await names()).toEqual([]);
  });

  test("is seen by others, and refused a second time", async ({ start, open, host, gate, server }) => {
    await start();
    const file = host.serveZip({ ...SINK, script: GATED_SCRIPT });
    const first = post(`${server.url}/plugins/sinks`, { name: "random", file, shellParas: gate.args });
    await gate.started;
    const page = await open({ route: "/install", expects: STATUS(400) });
    await page.getByText("Started by somebody else").waitFor();
    await inspectUrl(page, file);
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    await press(page, "Install");
    const failure = page.getByRole("alert");
    await failure.getByText("A plugin of this name is there already, or is being installed.").waitFor();
    expect(await failure.innerText()).toMatch(/being installed, see \/jobs\//);
    gate.release();
    expect((await first)[0]).toBe(201);
    await page.getByText("Started by somebody else").waitFor({ state: "detached" });
  });

  test("goes on in a second tab, and ends in both", async ({ start, open, host, gate, server }) => {
    await start();
    const page = await open({ route: "/install" });
    await inspectUrl(page, host.serveZip({ ...SINK, script: GATED_SCRIPT }));
    await page.getByLabel("Arguments of install.sh").fill(gate.args.join("\n"));
    await press(page, "Install");
    await gate.started;
    const second = await page.context().newPage();
    await second.goto(`${server.url}/ui/#/install`);
    await second.getByText("runs install.sh").waitFor();
    gate.release();
    for (const tab of [page, second]) await tab.getByText("random is installed.").waitFor();
  });
});

test("a token for reading is offered no install", async ({ start, open }) => {
  await start();
  const page = await open({ route: "/install" });
  const claims = Buffer.from(JSON.stringify({ scope: "read" })).toString("base64url");
  await page.evaluate(`sessionStorage.setItem("kuiper-plugins.token", "e30.${claims}.x")`);
  await page.reload();
  await page.getByText("Your token allows to read.").waitFor();
  expect(await page.getByLabel("URL of the zip").count()).toBe(0);
});
