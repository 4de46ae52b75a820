import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { PLUGIN_TYPES, type PluginType } from "../../src/domain/plugin.ts";
import { DOES_NOT_LOAD } from "../support/engine-stand-in.ts";
import { goElf, RUNTIME } from "../support/go-elf.ts";
import type { PluginContents } from "../support/plugin-zip.ts";
import type { ZipHost } from "../support/zip-host.ts";
import { inFrontBrowserTest } from "./harness.ts";

/** A package that differs from the engine's where it has another hash. */
const FITTING = RUNTIME;
const OTHER = "9".repeat(16);

const ENGINE_BINARY = "bin/kuiperd";

/**
 * Tests with a server as people have it: in front of an engine with rules, plugins that fit and one that does not, several
 * versions, what install.sh printed, and a change that waits for a restart.
 */
export const showcaseTest = inFrontBrowserTest
  .extend("contents", () => (type: PluginType, name: string, more: Partial<PluginContents> = {}): PluginContents => {
    return { type, name, soContent: pluginBinary(name, more.version), ...more };
  })
  .extend("fill", ({ server, engine, startBoth, install, update, contents }) => {
    return async (settings: Readonly<Record<string, string>> = {}): Promise<void> => {
      await mkdir(join(server.base, "bin"), { recursive: true });
      await writeFile(join(server.base, ENGINE_BINARY), engineBinary());
      engine.streams.push({ name: "demo", type: "random" });
      engine.rules.push({ id: "temperature", sql: "SELECT * FROM demo", actions: ["influx"] });
      engine.rules.push({ id: "humidity", sql: "SELECT * FROM demo", actions: ["log"] });
      await startBoth({ ENGINE__BINARY: ENGINE_BINARY, ENGINE__RESTART: "stop", ...settings });
      const script = "echo 'looking for libzmq.so.5'; echo 'found: /usr/lib/x86_64-linux-gnu/libzmq.so.5'";
      await install(contents("sources", "zmq", { version: "1.0.2", script }));
      await install(contents("sources", "random"));
      await install(contents("functions", "image", { version: "1.4.0" }));
      await install({
        ...contents("sinks", "influx", { version: "2.1.0" }),
        // The engine refuses it, too.
        soContent: Buffer.concat([pluginBinary("influx", "", OTHER), Buffer.from(DOES_NOT_LOAD)]),
      });
      await update(contents("sources", "random", { version: "2.0.0" }));
    };
  });

export function engineBinary(): Buffer {
  const buildInfo = { goVersion: "go1.19.8", modules: "mod\texample.com/engine\t(devel)\t\nbuild\t-compiler=gc\n" };
  return goElf({ type: 2, packages: { runtime: FITTING, main: "2".repeat(16) }, buildInfo });
}

/** @param runtime the hash of a package that the engine has as well */
export function pluginBinary(name: string, version = "", runtime: string = FITTING): Buffer {
  const path = `example.com/${name}`;
  const hash = Buffer.from(`${name}${version}`).toString("hex").padEnd(16, "0").slice(0, 16);
  const exported = name.charAt(0).toUpperCase() + name.slice(1);
  return goElf({ pluginPath: path, packages: { runtime, [path]: hash }, exports: [`${path}.${exported}`] });
}

/** Settings for `fill`: what the host offers, beside a host that is down. */
export function catalogueOf(host: ZipHost): Readonly<Record<string, string>> {
  const offers = ["random", "zmq", "mqtt"].map((name) => `<a href="${name}_amd64.zip">x</a>`);
  for (const type of PLUGIN_TYPES) {
    host.serve(`/kuiper-plugins/1.0.2/debian/${type}/`, Buffer.from(type === "sources" ? offers.join("") : ""));
  }
  const hosts = `http://127.0.0.1:1, ${host.origin}`;
  return { PREBUILD__OS: "debian", PREBUILD__ARCH: "amd64", PREBUILD__CACHESECONDS: "0", BASIC__PLUGINHOSTS: hosts };
}

/** Goes to another view as a link does, without loading the page anew. What is there then is of that view. */
export async function show(page: Page, route: string): Promise<void> {
  await page.evaluate(`new Promise((drawn) => {
    const before = location.href;
    addEventListener("hashchange", () => requestAnimationFrame(drawn), { once: true });
    location.hash = ${JSON.stringify(route)};
    if (location.href === before) drawn();
  })`);
  await page.locator("h1, .empty-title").first().waitFor();
}
