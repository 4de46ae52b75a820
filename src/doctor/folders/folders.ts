import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { PLUGIN_TYPES, VOLUMES } from "../../domain/plugin.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import { count } from "../../lib/text.ts";
import { failure, type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { nameOf, type ProcessFacts } from "../system/process-facts.ts";
import { firstThere } from "./first-there.ts";

const WORLD_WRITABLE = 0o002;
const STICKY = 0o1000;

/** Whether the server's user may use the folders that it works in, and nobody else may put a .so there. */
export async function* folders(situation: Situation): AsyncIterable<Observation> {
  const { server } = situation;
  const present: string[] = [];
  const missing: string[] = [];
  for (const folder of foldersOf(situation)) {
    const seen = await look(folder, server);
    if (typeof seen === "object") yield seen;
    else if (seen === "missing") missing.push(folder);
    else present.push(folder);
  }
  for (const folder of missing) {
    const parent = await firstThere(dirname(folder));
    if ((await mayWrite(parent, server)) === false) {
      yield failure(
        `${folder} is not there, and ${nameOf(server)} may not make it in ${parent}`,
        adviceFor(parent, server),
      );
    }
  }
  const made = missing.length === 0 ? "" : `; not there yet: ${missing.length}`;
  yield ok(`${nameOf(server)} can use ${count(present.length, "folder")}${made}`);
}

function foldersOf({ layout, config }: Situation): Set<string> {
  const { uploads } = config;
  return new Set([
    ...VOLUMES.map((volume) => layout.volume(volume)),
    ...PLUGIN_TYPES.flatMap((type) => [layout.soFolder(type), layout.etcFolder(type)]),
    ...VOLUMES.flatMap((volume) => [layout.changesFolder(volume), layout.versionsFolder(volume)]),
    ...[layout.incomingFolder, layout.uploadsFolder(uploads.folder)],
    ...(config.engine.url === "" ? [] : [layout.engineFolder, layout.handoversFolder, layout.portableFolder]),
  ]);
}

async function look(folder: string, server: ProcessFacts): Promise<Observation | "missing" | "usable"> {
  try {
    const stats = await stat(folder);
    if (!stats.isDirectory()) return failure(`${folder} is no folder`, "move it away");
    const mode = (stats.mode & 0o7777).toString(8);
    if (!(await mayWrite(folder, server))) {
      const whose = `it belongs to user ${stats.uid}, group ${stats.gid}, mode ${mode}`;
      return failure(`${nameOf(server)} may not read and write ${folder}: ${whose}`, adviceFor(folder, server));
    }
    if ((stats.mode & WORLD_WRITABLE) !== 0 && (stats.mode & STICKY) === 0) {
      return warning(`every user can put files into ${folder} (mode ${mode}), also a .so`, `chmod o-w ${folder}`);
    }
    return "usable";
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "missing";
    return failure(`${folder} can't be looked at: ${systemMessage(error)}`, adviceFor(folder, server));
  }
}

function adviceFor(folder: string, { uid }: ProcessFacts): string {
  return `chown -R ${uid} ${folder}, or run the server as the folder's owner`;
}

/** Whether that process may read, write and enter a folder. A read-only mount is for another check. */
async function mayWrite(folder: string, { pid, uid, gids }: ProcessFacts): Promise<boolean> {
  if (pid === "self" || uid === process.geteuid?.()) {
    return access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
      () => true,
      (error) => hasCode(error, "EROFS"),
    );
  }
  if (uid === 0) return true;
  const stats = await stat(folder); // of another process the modes say it, but for lists of access rights
  const shift = stats.uid === uid ? 6 : gids.includes(stats.gid) ? 3 : 0;
  return ((stats.mode >> shift) & 0o7) === 0o7;
}
