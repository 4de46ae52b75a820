import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { VOLUMES } from "../../domain/plugin.ts";
import { hasCode } from "../../lib/errors.ts";
import { NOT_THERE, statIfThere } from "../../lib/files.ts";
import { count, quoted } from "../../lib/text.ts";
import { type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";

/** What a server that was cut off has left in its hidden folders, and registries that could not be used. */
export async function* leftovers({ layout, config, server }: Situation): AsyncIterable<Observation> {
  const found = [
    ...(await itemsOf(VOLUMES.map((volume) => layout.changesFolder(volume)))),
    ...(await itemsOf([layout.incomingFolder, layout.handoversFolder])),
    ...((await statIfThere(layout.restartFile)) === undefined ? [] : [layout.restartFile]),
  ];
  const all = found.length === 0 ? "" : `: ${quoted(found[0] ?? "")}${found.length > 1 ? " and others" : ""}`;
  if (found.length === 0) yield ok("no change is in progress, and none was cut off");
  else if (server.pid !== "self") yield ok(`the server works on ${count(found.length, "thing")}${all}`);
  else {
    yield warning(
      `${count(found.length, "thing")} of changes that were cut off${all}`,
      "start the server: it ends or undoes each of them. Do not remove them by hand: kept files may be among them",
    );
  }
  if (config.engine.url === "" && (await itemsOf([layout.handoversFolder])).length > 0) {
    yield warning(
      "a hand-over to the engine was cut off, and engine.url is empty now",
      "set engine.url as it was, once",
    );
  }
  const prefix = `${basename(layout.registryFile)}.unreadable-`;
  const aside = (await namesIn(layout.volume("plugins"))).filter((name) => name.startsWith(prefix));
  if (aside.length > 0) {
    const first = join(layout.volume("plugins"), aside[0] ?? "");
    yield warning(
      `a registry could not be used and was set aside: ${quoted(first)}; versions that only it knew are kept for ever`,
      "take from it what you need and remove it",
    );
  }
}

async function itemsOf(folders: readonly string[]): Promise<string[]> {
  const all = await Promise.all(
    folders.map(async (folder) => (await namesIn(folder)).map((name) => join(folder, name))),
  );
  return all.flat();
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error) => {
    if (hasCode(error, ...NOT_THERE)) return [];
    throw error;
  });
}
