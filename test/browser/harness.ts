// biome-ignore-all lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures another one needs
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { PLUGIN_TYPES } from "../../src/domain/plugin.ts";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { processTest } from "../support/fixtures.ts";
import { freePort } from "../support/free-port.ts";
import { send } from "../support/http-client.ts";
import { type PluginContents, pluginZip } from "../support/plugin-zip.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";
import { PageFaults } from "./page-faults.ts";
import { type ReverseProxyOptions, startReverseProxy } from "./reverse-proxy.ts";

export interface OpenOptions extends BrowserContextOptions {
  /** A route of the page: `/install`. Default: the list of plugins. */
  readonly route?: string;
  /** Where the server is to the browser, such as behind a proxy. Default: at its own address. */
  readonly at?: string;
  /** What Chromium may say of replies that the test brings about, such as `/status of 401/`. */
  readonly expects?: readonly RegExp[];
}

/**
 * Tests of the page: the built server as a process (`start`), a Chromium for all tests of a file, and `open` for a page in a
 * context of its own. A test fails on an error in the console or the page, and on a request to another host.
 */
export const browserTest = processTest
  .extend("browser", { scope: "file" }, async ({}, { onCleanup }) => {
    const browser = await launchChromium();
    onCleanup(() => browser.close());
    return browser;
  })
  /** Starts the server, always on the same port, and returns its address. */
  .extend("start", async ({ server }) => {
    const BASIC__RESTPORT = String(await freePort());
    return (settings: Readonly<Record<string, string>> = {}) =>
      server.start({ settings: { BASIC__RESTPORT, ...settings } });
  })
  .extend("open", ({ browser, server }, { onCleanup }) => {
    const opened: PageFaults[] = [];
    onCleanup(async () => void (await Promise.all(opened.map((faults) => faults.close()))));
    return async ({ route = "/", at = server.url, expects = [], ...options }: OpenOptions = {}): Promise<Page> => {
      const context = await browser.newContext({ locale: "en-US", ...options });
      const page = await context.newPage();
      const faults = new PageFaults(page, new URL(at).origin, expects);
      opened.push(faults);
      // Not in the cleanup: what one throws keeps the others from running, and the server would never end.
      onTestFinished(() => faults.check());
      await page.goto(`${at}/ui/#${route}`);
      return page;
    };
  })
  /** Installs a plugin by the API. */
  .extend("install", ({ server }) => async (contents: PluginContents, query = "") => {
    const { type, name } = contents;
    return send(`${server.url}/plugins/${type}?name=${name}${query}`, {
      method: "POST",
      headers: { "content-type": "application/zip" },
      body: pluginZip(contents),
    });
  })
  /** Installs a source whose install.sh waits at the gate, from where `script` has GATED_SCRIPT; comes back when it does. */
  .extend("installGated", ({ install, gate }) => async (script: string) => {
    const query = gate.args.map((arg) => `&shellParas=${encodeURIComponent(arg)}`).join("");
    const installed = install({ type: "sources", name: "random", script }, query);
    await gate.started;
    return { installed };
  })
  /** Makes tokens that the server accepts, with `BASIC__AUTHENTICATION`. */
  .extend("sign", async ({ server }) => {
    const pair = makeKeyPair.EdDSA();
    await writeKey(join(server.base, "etc/mgmt/dashboard.pub"), pair.publicPem);
    return (claims: Record<string, unknown> = {}) => signToken(pair, claims);
  })
  /** Puts a proxy before the server, and returns its address. */
  .extend("proxied", ({ server }, { onCleanup }) => async (options: ReverseProxyOptions): Promise<string> => {
    const proxy = await startReverseProxy(() => server.url, options);
    onCleanup(async () => proxy.close());
    return proxy.url;
  })
  .extend("update", ({ server }) => async (contents: PluginContents) => {
    const { type, name } = contents;
    return send(`${server.url}/plugins/${type}/${name}`, {
      method: "PUT",
      headers: { "content-type": "application/zip" },
      body: pluginZip(contents),
    });
  });

/** The same with an `engine` behind the server; `startBoth` starts the two. */
export const inFrontBrowserTest = browserTest
  .extend("engine", async ({ server }, { onCleanup }) => {
    for (const folder of [...PLUGIN_TYPES, "portable"]) {
      await mkdir(join(server.base, "plugins", folder), { recursive: true });
    }
    const engine = new EngineStandIn({ base: server.base });
    onCleanup(() => engine.dispose());
    return engine;
  })
  .extend("startBoth", ({ engine, start }) => async (settings: Readonly<Record<string, string>> = {}) => {
    await engine.start();
    engine.age(60); // up times are whole seconds: what is installed now comes after its start
    return start({ ENGINE__URL: engine.url, ENGINE__SETTLESECONDS: "0.01", ...settings });
  });

async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      // Its sandbox needs user namespaces, or not to be root; what it opens is ours.
      "--no-sandbox",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
}
