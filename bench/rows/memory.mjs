import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { absolute, skipped } from "../figure.mjs";
import { BigZip } from "../plugin-zip.mjs";
import { script } from "../processes.mjs";
import { install, startServer } from "../server.mjs";

const IDLE_AFTER_MS = 2000;
const SAMPLE_MS = 5;

/** Resident memory: idle, and the most that one large install needs above that. */
export async function measureMemory({ plan, folder, processes }) {
  const { megabytes, rounds } = plan.memory;
  const whatIdle = "memory when idle";
  const whatPeak = `memory above idle, at most, during an install of ${megabytes} MB`;
  if (process.platform !== "linux") return [whatIdle, whatPeak].map((what) => skipped(what, "it is read from /proc"));

  const zip = await BigZip.write(folder, megabytes);
  const host = await processes.serve([script("file-host"), folder]);
  const idle = [];
  const above = [];
  for (let round = 0; round < rounds; round += 1) {
    const base = join(folder, "memory");
    const server = await startServer(processes, base);
    await delay(IDLE_AFTER_MS);
    const before = await megabytesOf(server.pid, "VmRSS");
    idle.push(before);
    const peak = await peakDuring(server.pid, () =>
      install(server, "functions", zip.name, `${host.url}/${zip.fileName}`),
    );
    above.push(peak - before);
    await server.stop();
    await rm(base, { recursive: true });
  }
  await host.stop();
  await rm(zip.path);
  return [
    absolute({ what: whatIdle, unit: "MB", ours: idle, target: { atMost: 90 } }),
    absolute({ what: whatPeak, unit: "MB", ours: above, target: { atMost: 60 } }),
  ];
}

/** The kernel's own high-water mark where it may be set back, else the largest sample. */
async function peakDuring(pid, work) {
  const resettable = await writeFile(`/proc/${pid}/clear_refs`, "5").then(
    () => true,
    () => false,
  );
  let peak = 0;
  const sample = async () => {
    peak = Math.max(peak, await megabytesOf(pid, resettable ? "VmHWM" : "VmRSS"));
  };
  if (resettable) {
    await work();
    await sample();
    return peak;
  }
  let done = false;
  const working = work().finally(() => {
    done = true;
  });
  while (!done) {
    await sample();
    await delay(SAMPLE_MS);
  }
  await working;
  return peak;
}

async function megabytesOf(pid, field) {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}
