import type { Page, Route } from "playwright-core";
import { describe, expect } from "vitest";
import { send } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";
import { signal } from "../support/signal.ts";
import { inFrontBrowserTest as test } from "./harness.ts";
import { Stalls } from "./reverse-proxy.ts";
import { askAgain, chooseFile, holdTimers, inspectUrl, press, SINK } from "./steps.ts";

/** What changes underneath while somebody reads, types or waits: it is not taken away, and the old does not pass for the new. */

const FAILURE = { error: "INTERNAL", message: "it can't be read" };
const answer = (route: Route, status: number, body: object) => {
  return route.fulfill({ status, contentType: "application/json", body: JSON.stringify(body) });
};
/** The events of a job that break off after what its install.sh printed first. */
const BROKEN_OFF = {
  status: 200,
  contentType: "text/event-stream",
  body: 'event: output\ndata: {"text":"begun\\n"}\n\n',
};

describe("a job that is followed", () => {
  test("goes on when a token was asked for in the middle", async ({ start, sign, open, server }) => {
    await start({ BASIC__AUTHENTICATION: "true" });
    const authorization = `Bearer ${await sign()}`;
    const made = await send(`${server.url}/plugins/sinks/none`, {
      method: "DELETE",
      headers: { authorization, prefer: "respond-async" },
    });
    const page = await open({ route: String(made.headers.location), expects: [/status of 401/] });
    await page.getByRole("textbox", { name: "Token" }).fill(await sign());
    await press(page, "Use this token");
    await page.getByText("This plugin is not installed.").waitFor();
  });

  test("shows all that install.sh printed when its events broke off before its end", async ({
    start,
    installGated,
    gate,
    open,
  }) => {
    await start();
    const { installed } = await installGated(`echo begun\n${GATED_SCRIPT}echo 'the cause comes last'\nexit 3\n`);
    const page = await open({ route: "/jobs" });
    let isCut = false;
    await page.route("**/jobs/*/events", async (route) => {
      if (isCut) return route.continue();
      isCut = true;
      await route.fulfill(BROKEN_OFF);
      gate.release();
    });
    await page.route(/\/jobs\/[^/]+$/, async (route) => {
      if (isCut) await installed;
      await route.continue();
    });
    await page.getByRole("link", { name: "Install random" }).click();
    await page.getByText("install.sh has failed. Nothing was installed.").waitFor();
    const printed = page.getByRole("region", { name: "What install.sh prints" });
    await printed.getByText("the cause comes last").waitFor();
  });

  test("is followed on when it could not be asked for, and what it printed stays", async ({
    start,
    installGated,
    gate,
    open,
  }) => {
    await start();
    const { installed } = await installGated(`echo begun\n${GATED_SCRIPT}`);
    const page = await open({ route: "/jobs", expects: [/status of 500/] });
    let isFailing = false;
    await page.route("**/jobs/*/events", async (route) => {
      if (isFailing) return route.continue();
      isFailing = true;
      await route.fulfill(BROKEN_OFF);
    });
    await page.route(/\/jobs\/[^/]+$/, (route) => (isFailing ? answer(route, 500, FAILURE) : route.continue()));
    await page.getByRole("link", { name: "Install random" }).click();
    await page.getByRole("alert").getByText("it can't be read").waitFor();
    await page.getByRole("region", { name: "What install.sh prints" }).getByText("begun").waitFor();
    expect(await page.getByText("Running").count()).toBe(0);
    isFailing = false;
    await page.unroute("**/jobs/*/events");
    await page.getByText("runs install.sh").waitFor();
    gate.release();
    await installed;
    await page.getByText("random is installed.").waitFor();
  });

  test("is asked for again when its events fall silent", async ({ start, installGated, gate, open, proxied }) => {
    await start();
    const { installed } = await installGated(GATED_SCRIPT);
    let hasStalled = false;
    const stalls = (url: string) => {
      if (!url.endsWith("/events") || hasStalled) return false;
      hasStalled = true;
      return true;
    };
    const at = await proxied({ stalls });
    const page = await open({ route: "/jobs", at });
    await holdTimers(page);
    await page.getByRole("link", { name: "Install random" }).click();
    await page.getByText("runs install.sh").waitFor();
    await expect.poll(() => hasStalled).toBe(true);
    gate.release();
    await installed;
    await page.clock.runFor(70_000);
    await page.getByText("random is installed.").waitFor();
  });

  test("is followed on when the question for its events gets no answer", async ({
    start,
    installGated,
    gate,
    open,
  }) => {
    await start();
    const { installed } = await installGated(GATED_SCRIPT);
    const page = await open({ route: "/jobs" });
    await holdTimers(page);
    let isUnanswered = false;
    await page.route("**/jobs/*/events", async (route) => {
      if (isUnanswered) return route.continue();
      isUnanswered = true;
    });
    await page.getByRole("link", { name: "Install random" }).click();
    await expect.poll(() => isUnanswered).toBe(true);
    gate.release();
    await installed;
    await page.clock.runFor(40_000);
    await page.getByText("random is installed.").waitFor();
  });
});

describe("an install that is being prepared", () => {
  test("keeps an address that is being typed while another view is looked at", async ({ start, open, host }) => {
    await start();
    const page = await open({ route: "/install" });
    const address = page.getByLabel("URL of the zip");
    await address.fill("https://files.example/plugins/random");
    await page.getByRole("link", { name: "Jobs" }).click();
    await page.getByText("There are no jobs yet.").waitFor();
    await page.goBack();
    expect(await address.inputValue()).toBe("https://files.example/plugins/random");
    await inspectUrl(page, host.serveZip(SINK));
    await page.locator("form.review").waitFor();
    await press(page, "Cancel");
    expect(await address.inputValue()).toBe("");
  });

  test("keeps what was typed while another view is looked at", async ({ start, open, host }) => {
    await start();
    const page = await open({ route: "/install" });
    await inspectUrl(page, host.serveZip({ ...SINK, script: "true\n" }));
    await page.getByLabel("Arguments of install.sh").fill("--all\nquiet");
    await page.getByRole("link", { name: "Jobs" }).click();
    await page.getByText("There are no jobs yet.").waitFor();
    await page.goBack();
    expect(await page.getByLabel("Arguments of install.sh").inputValue()).toBe("--all\nquiet");
    await inspectUrlOfNext(page, host.serveZip({ ...SINK, name: "other", script: "true\n" }));
    expect(await page.getByLabel("Arguments of install.sh").inputValue()).toBe("");
  });

  test("keeps a correction, and a name that is being typed, while it is inspected again", async ({
    start,
    open,
    host,
    server,
  }) => {
    await start();
    const page = await open({ route: "/install", expects: [/status of 400/] });
    await inspectUrl(page, host.serveZip(SINK));
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    const [released, release] = signal();
    const orders: unknown[] = [];
    await page.route("**/plugins/inspect", async (route) => {
      orders.push(route.request().postDataJSON());
      if (orders.length === 1) await released;
      await route.continue().catch(() => {});
    });
    await page.getByLabel("Type").selectOption("functions");
    await expect.poll(() => orders.length).toBe(1);
    expect(await page.getByLabel("Type").inputValue()).toBe("functions");
    await page.getByLabel("Name").fill("oth");
    release();
    await page.getByLabel("Functions").waitFor();
    await expect.poll(() => page.locator("form.review").getAttribute("aria-busy")).toBe("false");
    expect(await page.getByLabel("Name").inputValue()).toBe("oth");
    await page.getByLabel("Name").fill("other");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "other", exact: true }).waitFor();
    expect(orders.at(-1)).toMatchObject({ type: "functions", name: "other" });
    await page.getByRole("alert").getByText("that is the plugin random").waitFor();
    expect((await send(`${server.url}/jobs`)).text).toBe("[]"); // Enter installs nothing that was not shown
  });

  test("both corrections count when the second comes before the first is answered", async ({ start, open, host }) => {
    await start();
    const page = await open({ route: "/install", expects: [/status of 400/] });
    await inspectUrl(page, host.serveZip(SINK));
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    const orders: unknown[] = [];
    await page.route("**/plugins/inspect", async (route) => {
      orders.push(route.request().postDataJSON());
      if (orders.length > 1) await route.continue();
    });
    await page.getByLabel("Type").selectOption("functions");
    await page.getByLabel("Name").fill("other");
    await page.getByLabel("Name").blur();
    await page.getByRole("heading", { name: "other", exact: true }).waitFor();
    expect(orders.at(-1)).toMatchObject({ type: "functions", name: "other" });
    await page.getByRole("alert").getByText("that is the plugin random").waitFor();
  });

  test("is not replaced by the late answer to one before", async ({ start, open, host }) => {
    await start();
    const page = await open({ route: "/install", expects: [/status of 400/] });
    await inspectUrl(page, host.serveZip(SINK));
    await page.getByRole("heading", { name: "random", exact: true }).waitFor();
    const [released, release] = signal();
    const [asked, arrive] = signal();
    await page.route("**/plugins/sinks", async (route) => {
      arrive();
      await released;
      await answer(route, 400, { error: "NAME_TAKEN", message: "the name is taken" });
    });
    await press(page, "Install");
    await asked;
    await press(page, "Cancel");
    await inspectUrl(page, host.serveZip({ ...SINK, name: "other" }));
    await page.getByRole("heading", { name: "other", exact: true }).waitFor();
    const answered = page.waitForResponse("**/plugins/sinks");
    release();
    await answered;
    await askAgain(page);
    await page.waitForTimeout(200);
    expect(await page.getByRole("heading", { level: 2, name: "other", exact: true }).count()).toBe(1);
  });
});

test("an address whose download is stopped is there to be corrected", async ({ start, open, host }) => {
  await start();
  const page = await open({ route: "/install" });
  const zip = host.holdZip(SINK);
  await inspectUrl(page, zip.url);
  await zip.asked;
  await press(page, "Cancel");
  expect(await page.getByLabel("URL of the zip").inputValue()).toBe(zip.url);
  zip.release();
});

test("an install that has been asked for keeps its zip, whatever comes after", async ({ start, open, folder }) => {
  await start();
  const page = await open({ route: "/install" });
  await chooseFile(page, await writePluginZip(folder, SINK));
  await page.getByRole("heading", { name: "random", exact: true }).waitFor();
  const [asked, arrive] = signal();
  const [released, release] = signal();
  await page.route("**/plugins/sinks", async (route) => {
    arrive();
    await released;
    await route.continue();
  });
  await press(page, "Install");
  await asked;
  await press(page, "Cancel");
  await page.getByLabel("URL of the zip").waitFor();
  await page.waitForTimeout(200); // for a delete
  release();
  await page.getByText("random is installed.").waitFor();
});

async function inspectUrlOfNext(page: Page, url: string): Promise<void> {
  await press(page, "Cancel");
  await inspectUrl(page, url);
  await page.getByRole("heading", { name: "other", exact: true }).waitFor();
}

test("the question for a token stays, also when Escape is pressed twice", async ({ start, sign, open }) => {
  await sign();
  await start({ BASIC__AUTHENTICATION: "true" });
  const page = await open({ expects: [/status of 401/] });
  await page.getByRole("textbox", { name: "Token" }).fill("abc");
  for (let i = 0; i < 3; i++) await page.keyboard.press("Escape");
  expect(await page.getByRole("textbox", { name: "Token" }).inputValue()).toBe("abc");
  expect(await page.getByRole("dialog").isVisible()).toBe(true);
});

describe("a list that can't be asked for any more", () => {
  test("says so beside what it said last", async ({ start, install, open }) => {
    await start();
    await install({ type: "sources", name: "random" });
    const page = await open({ expects: [/status of 500/] });
    await page.getByRole("row", { name: "random" }).waitFor();
    await page.route("**/plugins?rules=1", (route) => answer(route, 500, FAILURE));
    await askAgain(page);
    await page.getByRole("alert").getByText("it can't be read").waitFor();
    expect(await page.getByRole("row", { name: "random" }).isVisible()).toBe(true);
    await page.unroute("**/plugins?rules=1");
    await askAgain(page);
    await page.getByRole("alert").waitFor({ state: "detached" });
  });

  test("is asked for again when an answer stops in its middle", async ({ start, install, open, proxied }) => {
    await start();
    await install({ type: "sources", name: "random" });
    const list = new Stalls("/plugins?");
    const page = await open({ at: await proxied(list) });
    await holdTimers(page);
    await page.getByRole("row", { name: "random" }).waitFor();
    list.isOn = true;
    await askAgain(page);
    await expect.poll(() => list.count).toBe(1);
    list.isOn = false;
    await install({ type: "sources", name: "zmq" });
    await page.clock.runFor(40_000);
    await page.getByRole("row", { name: "zmq" }).waitFor();
  });
});

test("a server that was away is noticed to be back, also where nothing is asked again and again", async ({
  start,
  open,
  server,
}) => {
  await start();
  const page = await open({ route: "/upgrade", expects: [/ERR_/] });
  await page.getByRole("textbox").fill("bin/kuiperd");
  await page.getByText("Which of the installed plugins").waitFor();
  server.process.kill("SIGKILL");
  await server.process.ended;
  await press(page, "Check");
  await page.getByText("It is asked again every two seconds.").waitFor();
  await start();
  await page.getByText("It is asked again every two seconds.").waitFor({ state: "detached", timeout: 15_000 });
});

test("an answer says which engine binary it is about", async ({ start, install, open }) => {
  await start();
  await install({ type: "sources", name: "random" });
  const page = await open({ route: "/upgrade" });
  await page.getByRole("textbox").fill("/nowhere/kuiperd");
  await press(page, "Check");
  await page.getByText("for 1 it can't be told").first().waitFor();
  await page.getByRole("textbox").fill("/elsewhere/kuiperd");
  expect(await page.getByText("/nowhere/kuiperd", { exact: true }).count()).toBe(1);
});

test("the question before a restart stays when somebody else has restarted the engine", async ({
  startBoth,
  engine,
  install,
  open,
}) => {
  await startBoth({ ENGINE__ACTIVATE: "false", ENGINE__RESTART: "stop" });
  await install({ type: "sources", name: "random" });
  const page = await open();
  await page.getByRole("button", { name: "Restart the engine" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await engine.restart();
  await askAgain(page);
  await page.getByText("1 change waits for an engine restart").waitFor({ state: "detached" });
  expect(await dialog.isVisible()).toBe(true);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

test("what install.sh printed stays when the server is away", async ({ start, install, open }) => {
  await start();
  await install({ type: "sources", name: "random", script: "echo the libraries are there\n" });
  const page = await open({ route: "/plugins/sources/random", expects: [/ERR_FAILED/] });
  await page.getByText("What install.sh printed").click();
  await page.getByText("the libraries are there").waitFor();
  await page.route("**/log", (route) => route.abort());
  const failed = page.waitForEvent("requestfailed");
  await askAgain(page);
  await failed;
  await page.waitForTimeout(200);
  expect(await page.getByText("the libraries are there").isVisible()).toBe(true);
});

test("another failure in the same place is not said to be copied", async ({ start, open }) => {
  await start();
  const page = await open({ route: "/jobs", expects: [/status of 500/] });
  let message = "the first";
  await page.route(/\/jobs$/, (route) => answer(route, 500, { error: "INTERNAL", message }));
  await page.getByText("the first").waitFor();
  await press(page, "Copy");
  await page.getByRole("button", { name: "Copied" }).waitFor();
  message = "the second";
  await page.getByText("the second").waitFor();
  await page.getByRole("button", { name: "Copy", exact: true }).waitFor();
});

test("versions that can't be asked for are said", async ({ start, install, open }) => {
  await start();
  await install({ type: "sources", name: "random" });
  const page = await open({ expects: [/status of 500/] });
  await page.route("**/versions", (route) => answer(route, 500, FAILURE));
  await page.getByRole("link", { name: "random" }).click();
  await page.getByRole("alert").getByText("it can't be read").waitFor();
});

test("a delete that has begun is left by a button that does not claim to cancel it", async ({
  start,
  install,
  open,
}) => {
  await start();
  await install({ type: "sinks", name: "random" });
  const page = await open({ route: "/plugins/sinks/random", expects: [/status of 404/] });
  const [released, release] = signal();
  await page.route("**/plugins/sinks/random", async (route) => {
    if (route.request().method() === "DELETE") await released;
    await route.continue();
  });
  await page.getByRole("button", { name: "Delete…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Cancel", exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await dialog.getByRole("button", { name: "Close", exact: true }).waitFor();
  expect(await dialog.getByRole("button", { name: "Cancel", exact: true }).count()).toBe(0);
  release();
  await dialog.getByText("random is deleted.").waitFor();
});

test("the list stays sorted when a search has found nothing, and when one comes back to it", async ({
  start,
  install,
  open,
}) => {
  await start();
  for (const name of ["aaa", "zzz"]) await install({ type: "sources", name });
  const page = await open();
  const sort = page.getByRole("button", { name: "Name" });
  await sort.click();
  await sort.click();
  await expect.poll(() => page.getByRole("rowheader").allInnerTexts()).toEqual(["zzz", "aaa"]);
  await page.getByRole("searchbox").fill("nothing");
  await page.getByText("No plugin matches").waitFor();
  await page.getByRole("searchbox").fill("");
  await expect.poll(() => page.getByRole("rowheader").allInnerTexts()).toEqual(["zzz", "aaa"]);
  await page.getByRole("link", { name: "aaa" }).click();
  await page.getByRole("heading", { name: "aaa", level: 1 }).waitFor();
  await page.goBack();
  await expect.poll(() => page.getByRole("rowheader").allInnerTexts()).toEqual(["zzz", "aaa"]);
});
