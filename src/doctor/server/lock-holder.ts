import { readdir, readlink, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { mapInParallel } from "../../lib/in-parallel.ts";

/** More than a machine has; of each only the names of its open files are read. */
const MAX_PROCESSES = 20_000;

/**
 * The process that has a lock's file open, which only a server does. The lock itself is not tried: whoever held it even
 * for an instant could keep a server from starting. Undefined where there is none that this user may see: processes of
 * others, and of other containers, are hidden.
 */
export async function findLockHolder(lockFile: string, proc: string): Promise<number | undefined> {
  const lock = await identity(lockFile);
  if (lock === undefined) return undefined;
  const numbers = (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name)).slice(0, MAX_PROCESSES);
  const holders = await mapInParallel(numbers, async (number) => {
    const folder = join(proc, number, "fd");
    for (const descriptor of await readdir(folder).catch(() => [])) {
      const path = join(folder, descriptor);
      const target = await readlink(path).catch(() => "");
      if (basename(target) === basename(lockFile) && (await identity(path)) === lock) return Number(number);
    }
    return undefined;
  });
  return holders.find((pid) => pid !== undefined && pid !== process.pid);
}

async function identity(path: string): Promise<string | undefined> {
  return stat(path).then(
    ({ dev, ino }) => `${dev}-${ino}`,
    () => undefined,
  );
}
