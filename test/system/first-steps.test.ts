import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { copyCheckout, freePort, linkPackages, Program, readText, waitForPing } from "./programs.ts";
import { masked, paste, type Walk, walksOf } from "./walk.ts";

const [ALONE, BESIDE, IN_FRONT, ...OTHERS] = walksOf(await readText("docs/first-steps.md")) as [Walk, Walk, Walk];

const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" };

async function checkout(): Promise<string> {
  const folder = await tempFolder();
  await copyCheckout(folder);
  await linkPackages(folder);
  return folder;
}

/** Starts the server as the document says, except for where the port and the engine are. */
async function follow(walk: Walk, start: string, options: { cwd: string; port: number }): Promise<void> {
  const { cwd, port } = options;
  const API = `http://127.0.0.1:${port}`;
  const server = new Program(["bash", "-e", "-c", start], { cwd, env: { ...env, ...settings(port) } });
  await waitForPing(API, server, 100); // it may be built first
  const TMPDIR = await tempFolder();
  const { code, stdout, stderr } = await paste(walk.commands, { cwd, env: { ...env, API, TMPDIR } });
  expect(masked(stdout), stderr).toBe(masked(walk.output));
  expect(code, stderr).toBe(0);
}

const settings = (port: number) => ({ KUIPER__BASIC__RESTPORT: String(port) });

test("docs/first-steps.md: alone, each command gives what is shown", async () => {
  expect(OTHERS).toEqual([]);
  expect(ALONE.commands).toMatch(/^API=\$\{API:-http:\/\/127\.0\.0\.1:9081\}\n/);
  expect(ALONE.start).toMatch(/^npm ci\n/); // .ci/run tries that one
  await follow(ALONE, ALONE.start.replace("npm ci\n", ""), { cwd: await checkout(), port: await freePort() });
});

/** As documented, in this checkout as it is built, with an engine and ports of the test. */
async function withEngine(walk: Walk, ports: { readonly server: string; readonly engine?: string }): Promise<void> {
  const base = await tempFolder();
  for (const folder of ["sources", "sinks", "functions", "portable"]) {
    await mkdir(join(base, "plugins", folder), { recursive: true });
  }
  const engine = await new EngineStandIn({ base }).start();
  onTestFinished(() => engine.stop());
  const port = await freePort();
  const changed = [
    ["KuiperBaseKey=/opt/kuiper ", `KuiperBaseKey=${base} `],
    [`RESTPORT=${ports.server} `, `RESTPORT=${port} `],
    ["npm start", "npm start --ignore-scripts"], // it is built
    ...(ports.engine === undefined ? [] : [[ports.engine, engine.url]]),
  ] as const;
  let { start } = walk;
  for (const [from, to] of changed) {
    expect(start).toContain(from);
    start = start.replace(from as string, to as string);
  }
  await follow(walk, start, { cwd: join(import.meta.dirname, "../.."), port });
}

test("docs/first-steps.md: beside an engine, the server starts as shown", async () => {
  expect(BESIDE.commands).toBe("");
  await withEngine(BESIDE, { server: "9082" });
});

test("docs/first-steps.md: in front of an engine, each command gives what is shown", async () => {
  await withEngine(IN_FRONT, { server: "9081", engine: "http://127.0.0.1:9082" });
});
