import { readFile, statfs } from "node:fs/promises";
import { cpus, loadavg, release, totalmem, type } from "node:os";

/** What the figures were measured on. */
export async function describeMachine(folder) {
  const models = new Set(cpus().map(({ model }) => model.trim()));
  return {
    date: new Date().toISOString(),
    node: process.version,
    system: `${type()} ${release()} ${process.arch}`,
    CPU: `${[...models].join(", ")}, ${cpus().length} cores`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    "file system": await describeFileSystem(folder),
    processes: `the server, its clients and the servers it is compared with are processes of their own${crowded()}`,
  };
}

/**
 * How busy the machine is, over the last minute. Before the bench anything above 0.5 means that others take part in the
 * figures; a pair is measured in turns, yet the server uses two cores where `unzip` uses one.
 */
export function currentLoad() {
  return loadavg()[0].toFixed(1);
}

function crowded() {
  return cpus().length > 2 ? "" : `; on ${cpus().length} cores a client's work is in the figures too`;
}

async function describeFileSystem(folder) {
  const { bsize, bavail } = await statfs(folder);
  const free = `${((bsize * bavail) / 2 ** 30).toFixed(0)} GiB free`;
  try {
    return `${mountOf(folder, await readFile("/proc/self/mounts", "utf8"))}, ${free}, ${folder}`;
  } catch {
    return `${free}, ${folder}`; // not Linux
  }
}

/** The mount that is deepest above the folder, as `type on device`. */
function mountOf(folder, mounts) {
  const above = mounts
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, point]) => point === "/" || folder === point || folder.startsWith(`${point}/`));
  const [device, , fileSystem] = above.reduce((best, mount) => (mount[1].length >= best[1].length ? mount : best));
  return `${fileSystem} on ${device}`;
}
