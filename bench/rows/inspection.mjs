import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { comparison, skipped } from "../figure.mjs";
import { buildGoBinaries } from "../go-binaries.mjs";
import { inTurns, timed } from "../pairs.mjs";
import { BigZip } from "../plugin-zip.mjs";
import { hasProgram, run, script } from "../processes.mjs";
import { install, remove, startServer } from "../server.mjs";

const TARGET = { atMost: 1.05 };

/** What it costs to compare a real plugin with a real engine: installs with and without. */
export async function measureInspection({ plan, folder, processes }) {
  const { engine, plugin, rounds } = plan.inspection;
  const what = `install of a ${plugin} MB Go plugin, inspected against an engine of ${engine} MB`;
  if (!(await hasProgram("go"))) return [skipped(what, "there is no go on this machine")];
  const built = await buildGoBinaries(folder, { engine, plugin });
  const zip = await BigZip.write(folder, plugin, createReadStream(built.plugin));
  const host = await processes.serve([script("file-host"), folder]);
  const bases = { inspected: join(folder, "inspected"), plain: join(folder, "plain") };
  const inspecting = { KUIPER__ENGINE__BINARY: built.engine, KUIPER__ENGINE__VERIFY: "warn" };
  const servers = {
    inspected: await startServer(processes, bases.inspected, inspecting),
    plain: await startServer(processes, bases.plain, { KUIPER__ENGINE__VERIFY: "off" }),
  };

  async function installOn(server) {
    await zip.rename();
    await run("sync", ["-f", folder]);
    const ms = await timed(() => install(server, "functions", zip.name, `${host.url}/${zip.fileName}`));
    await remove(server, "functions", zip.name);
    return ms;
  }

  const pairs = await inTurns(
    rounds,
    () => installOn(servers.inspected),
    () => installOn(servers.plain),
  );
  for (const server of [servers.inspected, servers.plain, host]) await server.stop();
  for (const path of [bases.inspected, bases.plain, zip.path]) await rm(path, { recursive: true });
  return [comparison({ what, unit: "ms", pairs, theirsIs: "engine.verify: off", target: TARGET })];
}
