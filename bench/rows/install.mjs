import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { comparison, skipped } from "../figure.mjs";
import { inTurns, timed } from "../pairs.mjs";
import { BigZip } from "../plugin-zip.mjs";
import { hasProgram, run, script } from "../processes.mjs";
import { install, remove, startServer } from "../server.mjs";

const TARGET = { atMost: 0.75 };

/** A large plugin from a loopback host, against `unzip -q` of the same zip into a new folder. */
export async function measureInstall({ plan, folder, processes }) {
  const figures = [];
  for (const megabytes of plan.install.megabytes) {
    const what = `install of a ${megabytes} MB .so over http`;
    if (await hasProgram("unzip")) figures.push(...(await measureSize({ plan, folder, processes, megabytes, what })));
    else figures.push(skipped(what, "there is no unzip on this machine"));
  }
  return figures;
}

async function measureSize({ plan, folder, processes, megabytes, what }) {
  const zip = await BigZip.write(folder, megabytes);
  const host = await processes.serve([script("file-host"), folder]);
  const base = join(folder, "install");
  const server = await startServer(processes, base);

  async function ours() {
    await zip.rename();
    await settleDisk(folder);
    const ms = await timed(() => install(server, "functions", zip.name, `${host.url}/${zip.fileName}`));
    await remove(server, "functions", zip.name);
    return ms;
  }

  async function theirs() {
    const target = join(folder, "unzipped");
    await mkdir(target);
    await settleDisk(folder);
    const unzip = await timed(() => run("unzip", ["-q", zip.path, "-d", target]));
    const sync = await timed(() => run("sync", [join(target, zip.soFile)]));
    await rm(target, { recursive: true });
    return { unzip, durable: unzip + sync };
  }

  const pairs = await inTurns(plan.install.rounds, ours, theirs);
  await server.stop();
  await host.stop();
  await rm(base, { recursive: true });
  await rm(zip.path);
  const against = (key) => pairs.map((pair) => ({ ours: pair.ours, theirs: pair.theirs[key] }));
  return [
    comparison({ what, unit: "ms", pairs: against("unzip"), theirsIs: "unzip -q", target: TARGET }),
    comparison({ what, unit: "ms", pairs: against("durable"), theirsIs: "unzip -q, then fsync as ours does" }),
  ];
}

/** Writes out what earlier rounds left, so that none pays for another. */
async function settleDisk(folder) {
  await run("sync", ["-f", folder]);
}
