import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { HOSTILE_LIMITS, HOSTILE_ZIPS } from "../support/hostile-zips.ts";
import { post } from "../support/http-client.ts";

/** Names that differ by their spelling alone may be two files of a portable plugin: they are not the engine's own files. */
const NATIVE_ONLY: readonly string[] = [
  "twice: by case",
  "twice: the .so by case",
  "file and folder: ETC is a file",
  "twice: by case in a folder of the path",
  "twice: by case beyond ASCII",
  "twice: composed and decomposed Unicode",
  "file and folder: by case",
];

stoppedServerTest("no hostile zip reaches the engine as a portable plugin", async ({ server, host }) => {
  await server.start(); // makes the engine's folders
  const engine = await new EngineStandIn({ base: server.base }).start();
  const handed: string[] = [];
  engine.intercept = ({ method, body }, response) => {
    if (method !== "POST") return false;
    handed.push(JSON.parse(body).name);
    response.writeHead(201).end("created");
    return true;
  };
  await server.start({
    ENGINE__URL: engine.url,
    PLUGINPACKAGE__MAXENTRIES: String(HOSTILE_LIMITS.maxEntries),
    PLUGINPACKAGE__MAXENTRYBYTES: String(HOSTILE_LIMITS.maxEntryBytes),
    PLUGINPACKAGE__MAXTOTALBYTES: String(HOSTILE_LIMITS.maxTotalBytes),
    PLUGINPACKAGE__MAXRATIO: String(HOSTILE_LIMITS.maxRatio),
  });
  const accepted: string[] = [];
  for (const [index, { title, zip }] of HOSTILE_ZIPS.entries()) {
    const body = { name: "random", file: host.serve(`/${index}.zip`, zip()) };
    const [status] = await post(`${server.url}/plugins/portables`, body);
    if (status !== 400) accepted.push(title);
  }
  await engine.dispose();
  expect(accepted).toEqual(NATIVE_ONLY);
  expect(handed.length).toBe(accepted.length);
  expect(await readdir(join(server.base, "plugins/.changes"))).toEqual([]);
});
