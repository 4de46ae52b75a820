import { statfs } from "node:fs/promises";
import { VOLUMES } from "../../domain/plugin.ts";
import { failure, type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { firstThere } from "./first-there.ts";

const MIB = 1024 * 1024;
/** Below that not even the registry can be written anew beside the old one. */
const LEAST_BYTES = MIB;
const LEAST_FILES = 16;

/** Whether the largest package that the settings allow would fit, and whether anything does. */
export async function* space({ layout, config }: Situation): AsyncIterable<Observation> {
  const { maxTotalBytes, maxEntries } = config.pluginPackage;
  for (const volume of VOLUMES) {
    const folder = await firstThere(layout.volume(volume));
    const facts = await statfs(folder);
    // A zip is on the volume of the plugins while it is unpacked there.
    const wanted = volume === "plugins" ? maxTotalBytes + config.pluginDownload.maxBytes : 0;
    const bytes = facts.bavail * facts.bsize;
    const mib = Math.floor(bytes / MIB);
    if (bytes < LEAST_BYTES) yield failure(`${folder} has no space left`, "free some");
    else if (bytes < wanted) {
      const largest = `the largest package that the settings allow needs ${Math.ceil(wanted / MIB)}`;
      yield warning(
        `${folder} has ${mib} MiB free; ${largest}`,
        "free some, or lower pluginPackage.maxTotalBytes and pluginDownload.maxBytes",
      );
    } else yield ok(`${folder} has ${mib} MiB free`);
    if (facts.files === 0) continue; // btrfs and the like have no fixed number
    if (facts.ffree < LEAST_FILES) yield failure(`${folder} has no inodes left`, "remove files that nobody needs");
    else if (facts.ffree < maxEntries) {
      yield warning(
        `${folder} has ${facts.ffree} inodes left; a package may have ${maxEntries} files (pluginPackage.maxEntries)`,
        "remove files that nobody needs, or lower pluginPackage.maxEntries",
      );
    }
  }
}
