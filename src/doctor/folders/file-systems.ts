import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { VOLUMES } from "../../domain/plugin.ts";
import { readMounts } from "../../lib/mounts.ts";
import { type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { firstThere } from "./first-there.ts";
import { mountOf } from "./mounts.ts";

/** What each can't do, by its name in Linux. */
const WITHOUT_LINKS = ["vfat", "msdos", "exfat", "fuseblk", "ntfs", "ntfs3"];
const OF_THE_NETWORK = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.sshfs"];
const IN_MEMORY = ["tmpfs", "ramfs"];

/** Whether the file systems of the volumes can do what the server asks of them. */
export async function* fileSystems({ layout }: Situation): AsyncIterable<Observation> {
  const all = await readMounts();
  for (const volume of VOLUMES) {
    const folder = await realpath(await firstThere(layout.volume(volume)));
    const type = mountOf(folder, all)?.type;
    if (type === undefined) {
      yield skipped(`this system does not tell the file system of ${folder}`);
      continue;
    }
    const problems = [...problemsOf(folder, type)];
    if (await ignoresCase(folder)) {
      const message = `${folder} does not tell capital from small letters (${type})`;
      problems.push(
        warning(message, "use a file system that does: two plugins whose names differ in that share files"),
      );
    }
    yield* problems.length === 0 ? [ok(`${folder} is ${type}`)] : problems;
  }
}

function* problemsOf(folder: string, type: string): Iterable<Observation> {
  if (WITHOUT_LINKS.includes(type)) {
    yield warning(
      `${folder} is ${type}, which has neither hard links nor modes`,
      "use ext4 or the like: there, versions are kept without a copy, and secrets for their user alone",
    );
  } else if (OF_THE_NETWORK.includes(type)) {
    const advice = "let one machine alone run a server on it: a lock may not be seen by the others";
    yield warning(`${folder} is on the network (${type})`, advice);
  } else if (IN_MEMORY.includes(type)) {
    yield warning(`${folder} is in memory (${type})`, "plugins there are gone when the machine restarts: mount a disk");
  }
}

/** By the folder's own name, so that nothing has to be made. */
async function ignoresCase(folder: string): Promise<boolean> {
  const name = basename(folder);
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  if (other === name) return false;
  const inode = (path: string) => stat(path).then(({ dev, ino }) => `${dev}-${ino}`);
  const theirs = await inode(join(dirname(folder), other)).catch(() => "");
  return theirs === (await inode(folder));
}
