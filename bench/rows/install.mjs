import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { comparison, skipped } from "../figure.mjs";
import { inTurns, timed } from "../pairs.mjs";
import { BigZip } from "../plugin-zip.mjs";
import { hasProgram, run, script } from "../processes.mjs";
import { install, remove, startServer } from "../server.mjs";

const TARGET = { atMost: 0.75 };
/** For 127.0.0.1, signed by itself. */
const [CERT, KEY] = ["cert", "key"].map((name) =>
  fileURLToPath(new URL(`../../test/catalogue/tls/${name}.pem`, import.meta.url)),
);
const SCHEMES = ["http", "https"];

/** A large plugin from a loopback host, over http and https in turns, against `unzip -q` of the same zip. */
export async function measureInstall({ plan, folder, processes }) {
  const figures = [];
  const hasUnzip = await hasProgram("unzip");
  for (const megabytes of plan.install.megabytes) {
    const what = (scheme) => `install of a ${megabytes} MB .so over ${scheme}`;
    if (hasUnzip) figures.push(...(await measureSize({ plan, folder, processes, megabytes, what })));
    else figures.push(...SCHEMES.map((scheme) => skipped(what(scheme), "there is no unzip on this machine")));
  }
  return figures;
}

async function measureSize({ plan, folder, processes, megabytes, what }) {
  const zip = await BigZip.write(folder, megabytes);
  const hosts = {
    http: await processes.serve([script("file-host"), folder]),
    https: await processes.serve([script("file-host"), folder, CERT, KEY]),
  };
  const base = join(folder, "install");
  const server = await startServer(processes, base, { KUIPER__PLUGINDOWNLOAD__CA: CERT });

  async function installFrom(host) {
    await zip.rename();
    await settleDisk(folder);
    const ms = await timed(() => install(server, "functions", zip.name, `${host.url}/${zip.fileName}`));
    await remove(server, "functions", zip.name);
    return ms;
  }

  async function ours() {
    return { http: await installFrom(hosts.http), https: await installFrom(hosts.https) };
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

  const rounds = await inTurns(plan.install.rounds, ours, theirs);
  await server.stop();
  for (const host of Object.values(hosts)) await host.stop();
  await rm(base, { recursive: true });
  await rm(zip.path);
  return SCHEMES.flatMap((scheme) => {
    const pairs = (key) => rounds.map((round) => ({ ours: round.ours[scheme], theirs: round.theirs[key] }));
    const row = { what: what(scheme), unit: "ms" };
    return [
      comparison({ ...row, pairs: pairs("unzip"), theirsIs: "unzip -q", target: TARGET }),
      comparison({ ...row, pairs: pairs("durable"), theirsIs: "unzip -q, then fsync as ours does" }),
    ];
  });
}

/** Writes out what earlier rounds left, so that none pays for another. */
async function settleDisk(folder) {
  await run("sync", ["-f", folder]);
}
