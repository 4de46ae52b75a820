import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { smallBinary } from "../binaries.mjs";
import { comparison } from "../figure.mjs";
import { median, timed } from "../pairs.mjs";
import { writeSmallZip } from "../plugin-zip.mjs";
import { script } from "../processes.mjs";
import { install, startServer } from "../server.mjs";

const SO_BYTES = 16 * 1024;
const FSYNCS = 50;

/** Installs per second: one after the other, and several at a time. Most of their time is the disk's, so that is shown. */
export async function measureSmallInstalls({ plan, folder, processes }) {
  const { installs, atOnce, rounds } = plan.small;
  const zips = join(folder, "small");
  await mkdir(zips);
  const soContent = await smallBinary(SO_BYTES);
  const names = Array.from({ length: installs }, (_, index) => `small${index}`);
  for (const name of names) await writeSmallZip(zips, name, soContent);
  const host = await processes.serve([script("file-host"), zips]);

  async function msForAll(width) {
    const base = join(folder, "small-installs"); // a new one each time: the registry grows with every plugin
    const server = await startServer(processes, base);
    const left = [...names];
    const work = async () => {
      for (let name = left.pop(); name !== undefined; name = left.pop()) {
        await install(server, "sources", name, `${host.url}/${name}.zip`);
      }
    };
    const ms = await timed(() => Promise.all(Array.from({ length: width }, work)));
    await server.stop();
    await rm(base, { recursive: true });
    return ms;
  }

  const alone = [];
  const together = [];
  for (let round = 0; round < rounds; round += 1) {
    const fsync = await msOfFsync(folder);
    const sequential = await msForAll(1);
    const parallel = await msForAll(atOnce);
    const perSecond = (ms) => (installs * 1000) / ms;
    alone.push({ ours: perSecond(sequential), theirs: 1000 / fsync });
    together.push({ ours: perSecond(parallel), theirs: perSecond(sequential) });
  }
  await host.stop();
  await rm(zips, { recursive: true });
  const what = `${installs} small installs`;
  const unit = "/s";
  return [
    comparison({ what: `${what}, one after the other`, unit, pairs: alone, theirsIs: "fsync of a new 4 KiB file" }),
    comparison({ what: `${what}, ${atOnce} at a time`, unit, pairs: together, theirsIs: "one after the other" }),
  ];
}

/** What the disk takes to make one small new file durable. */
async function msOfFsync(folder) {
  const file = join(folder, "fsync");
  const content = Buffer.alloc(4096, 1);
  const times = [];
  for (let index = 0; index < FSYNCS; index += 1) {
    const handle = await open(file, "w");
    await handle.write(content);
    times.push(await timed(() => handle.sync()));
    await handle.close();
    await rm(file);
  }
  return median(times);
}
