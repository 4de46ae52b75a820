import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { freePort } from "../support/free-port.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { ROOT, readText } from "./programs.ts";
import { checkout, follow, type Walk, walksOf } from "./walk.ts";

const [ALONE, BESIDE, IN_FRONT, ...OTHERS] = walksOf(await readText("docs/first-steps.md")) as [Walk, Walk, Walk];

test("docs/first-steps.md: alone, each command gives what is shown", async () => {
  expect(OTHERS).toEqual([]);
  expect(ALONE.commands).toMatch(/^API=\$\{API:-http:\/\/127\.0\.0\.1:9081\}\n/);
  expect(ALONE.start).toMatch(/^npm ci\n/); // .ci/run tries that one
  await follow({ ...ALONE, start: ALONE.start.replace("npm ci\n", "") }, await checkout());
});

/** As documented, in this checkout as it is built, with an engine and ports of the test. */
async function withEngine(walk: Walk, ports: { readonly server: string; readonly engine?: string }): Promise<void> {
  const base = await tempFolder();
  for (const folder of ["sources", "sinks", "functions", "portable"]) {
    await mkdir(join(base, "plugins", folder), { recursive: true });
  }
  const engine = await new EngineStandIn({ base }).start();
  onTestFinished(() => engine.dispose());
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
  await follow({ ...walk, start }, ROOT, port);
}

test("docs/first-steps.md: beside an engine, the server starts as shown", async () => {
  expect(BESIDE.commands).toBe("");
  await withEngine(BESIDE, { server: "9082" });
});

test("docs/first-steps.md: in front of an engine, each command gives what is shown", async () => {
  await withEngine(IN_FRONT, { server: "9081", engine: "http://127.0.0.1:9082" });
});
