import { readFileSync, statfsSync } from "node:fs";

const SHARED_MEMORY = "/dev/shm";
/** Several times what all test files at once have taken; a container's 64 MiB are too little. */
const ENOUGH_BYTES = 2 * 1024 ** 3;

/** A folder in memory for the files of tests, where programs may run; undefined where there is none with enough room. */
export function memoryFolder(): string | undefined {
  try {
    const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
    const [, , type, options = ""] = mounts.findLast((line) => line.split(" ")[1] === SHARED_MEMORY)?.split(" ") ?? [];
    if (type !== "tmpfs" || !options.startsWith("rw") || options.split(",").includes("noexec")) return undefined;
    const { bavail, bsize } = statfsSync(SHARED_MEMORY);
    return bavail * bsize >= ENOUGH_BYTES ? SHARED_MEMORY : undefined;
  } catch {
    return undefined; // not Linux
  }
}
