import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { nameOf } from "./process-facts.ts";

const OTHERS_READ = 0o004;

/** What install.sh makes has the modes that the umask leaves; the server's own files do not depend on it. */
export async function* umask({ server, config }: Situation): AsyncIterable<Observation> {
  if (server.umask === undefined) return yield skipped("this system does not tell the umask");
  const octal = server.umask.toString(8).padStart(3, "0");
  if (!config.installScript.enabled || (server.umask & OTHERS_READ) === 0) return yield ok(`the umask is ${octal}`);
  yield warning(
    `with the umask ${octal}, an engine of another user can't read what install.sh makes`,
    "start the server with umask 022 (UMask=0022 in its unit), unless the engine runs as the same user",
  );
}

/** Besides the connections: the files of some installs, the log, the modules. */
const OTHER_FILES = 128;

export async function* openFiles({ server, config }: Situation): AsyncIterable<Observation> {
  const limit = server.openFiles;
  const needed = config.http.maxConnections + OTHER_FILES;
  if (limit === undefined) yield skipped("this system does not tell, or does not limit, the open files");
  else if (limit >= needed) yield ok(`${nameOf(server)} may have ${limit} files open`);
  else {
    yield warning(
      `${nameOf(server)} may have ${limit} files open, and http.maxConnections (${config.http.maxConnections}) needs ${needed}`,
      "raise the limit (ulimit -n, LimitNOFILE), or lower http.maxConnections",
    );
  }
}

const MIB = 1024 * 1024;
/** What the README says of an idle server, and of one that installs 300 MB. */
const IDLE_MIB = 56;
const INSTALLING_MIB = IDLE_MIB + 47;

export async function* memory(situation: Situation): AsyncIterable<Observation> {
  const limit = Math.floor(Math.min(await cgroupLimit(situation), totalmem()) / MIB);
  const advice = "raise the container's limit (memory of Docker, MemoryMax of a unit)";
  if (limit < IDLE_MIB) yield failure(`${limit} MiB of memory are less than an idle server has (${IDLE_MIB})`, advice);
  else if (limit < INSTALLING_MIB) {
    yield warning(`${limit} MiB of memory do for an idle server, and not for an install (${INSTALLING_MIB})`, advice);
  } else yield ok(`${limit} MiB of memory may be used`);
}

/** The least limit of the process's group and of those that it is in. Infinity where there is none. */
async function cgroupLimit({ system, server }: Situation): Promise<number> {
  const groups = await readFile(join(system.proc, String(server.pid), "cgroup"), "utf8").catch(() => "");
  const limits = await Promise.all(
    groups.split("\n").map(async (line) => {
      const [, controllers = "", path = "/"] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
      if (controllers === "") return leastOf(system.cgroup, path, "memory.max");
      const isMemory = controllers.split(",").includes("memory");
      return isMemory
        ? leastOf(join(system.cgroup, "memory"), path, "memory.limit_in_bytes")
        : Number.POSITIVE_INFINITY;
    }),
  );
  return Math.min(...limits, Number.POSITIVE_INFINITY);
}

async function leastOf(root: string, path: string, file: string): Promise<number> {
  const text = await readFile(join(root, path, file), "utf8").catch(() => "max");
  const own = /^\d+\s*$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  return path === "/" ? own : Math.min(own, await leastOf(root, dirname(path), file));
}
