import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { VOLUMES } from "../domain/plugin.ts";
import { hasCode } from "../lib/errors.ts";
import { makeFoldersSync } from "../lib/folder-mode.ts";
import { lockFile } from "../lib/lock.ts";
import type { Log } from "../lib/log.ts";
import type { Layout } from "./layout.ts";

/**
 * Makes this process the only server on each of the volumes. Two servers may share one of them alone, as a volume that
 * is mounted into two containers, and each would remove there what it does not know. A folder that can't be locked is
 * logged and does not hinder the start: it must not hide what is installed in it.
 *
 * @returns the folder that another server works on; undefined where all is ours
 */
export async function lockVolumes(layout: Layout, log: Log): Promise<string | undefined> {
  const seen = new Set<string>();
  let warned = false;
  // One after the other, in the same order everywhere: of two servers that start together, one gets both.
  for (const volume of VOLUMES) {
    try {
      makeFoldersSync(layout.volume(volume));
      const { dev, ino } = statSync(layout.volume(volume));
      if (seen.has(`${dev}:${ino}`)) continue; // both may lead to one folder, whose lock we would find taken by ourselves
      seen.add(`${dev}:${ino}`);
      const folder = realpathSync(layout.volume(volume));
      const lock = await lockFile(layout.lockFile(volume));
      if (lock.outcome === "taken") return shownFolder(layout, folder);
      if (lock.outcome === "failed" && !warned) {
        const message = "the base folder can't be locked (is flock installed?): do not start a second server on it";
        log.warn({ code: lock.reason, folder }, message);
        warned = true;
      }
    } catch (cause) {
      // Configuration that is mounted read-only is common, and nothing can be removed from it.
      if (volume === "etc" && hasCode(cause, "EROFS")) continue;
      log.error(
        { err: cause },
        volume === "plugins" ? "the base folder could not be locked" : "the folder etc could not be locked",
      );
    }
  }
  return undefined;
}

/** Who shares the plugins in a base folder most likely shares all of it. */
function shownFolder({ base }: Layout, folder: string): string {
  return folder === join(base, "plugins") ? base : folder;
}
