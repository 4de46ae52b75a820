import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pluginKey, VOLUMES, type Volume } from "../../domain/plugin.ts";
import { removeFolder, statIfThere } from "../../lib/files.ts";
import type { Log } from "../../lib/log.ts";
import type { Layout } from "../layout.ts";
import type { Registry } from "../registry/registry.ts";
import { abandonChange, finishChange, undoChange } from "./change.ts";
import { type Journal, readJournal } from "./journal.ts";
import { Workspace } from "./workspace.ts";

/** Changes that still have to be ended, by plugin, before anything else is done to that plugin. */
export type Unsettled = Map<string, () => Promise<void>>;

/** What became of the changes that an earlier process did not end, by their ids. */
export type Recovered = Map<string, "finished" | "undone">;

/**
 * Cleans up after a process that was killed during its work: a change that is in the registry is finished, any other
 * is undone, and one that was only being prepared is removed. One that an earlier start could not read, so that another
 * change of its plugin has followed, is neither finished nor undone.
 *
 * @param recovered is told of each
 * @returns the changes that could not be ended because of the disk
 */
export async function recover(
  registry: Registry,
  layout: Layout,
  log: Log,
  recovered: Recovered = new Map(),
): Promise<Unsettled> {
  const unsettled: Unsettled = new Map();
  for (const id of await list(layout, "plugins")) {
    const workspace = Workspace.reopen(layout, id);
    let journal: Journal | undefined;
    try {
      journal = await readJournal(workspace);
      if (journal === undefined) await workspace.remove();
    } catch (err) {
      log.error({ err, change: id }, "what a change left behind could not be cleared; the next start tries again");
    }
    const found = journal && outcomeOf(journal, registry);
    recovered.set(id, found === "finished" ? "finished" : "undone");
    if (journal === undefined || found === undefined) continue;
    const end = howToEnd(journal, found, workspace, layout, log);
    await end().catch((err) => {
      log.error({ err, change: id }, "a change could not be ended; it is tried again before the next one");
      unsettled.set(pluginKey(journal), end);
    });
  }
  await dropOrphans(layout).catch((err) =>
    log.error({ err }, "leftovers could not be cleared; the next start tries again"),
  );
  return unsettled;
}

/** A workspace is made on the first volume first and removed from it last: without that folder it is a leftover. */
async function dropOrphans(layout: Layout): Promise<void> {
  const kept = new Set(await list(layout, "plugins"));
  for (const volume of VOLUMES) {
    for (const id of await list(layout, volume)) {
      if (!kept.has(id)) await removeFolder(join(layout.changesFolder(volume), id));
    }
  }
}

const ENDINGS = { finished: finishChange, undone: undoChange, abandoned: abandonChange };
const MESSAGES = {
  finished: "a change was interrupted: it is finished",
  undone: "a change was interrupted: it is undone",
  abandoned: "a change was interrupted, and its plugin has been changed since: its files are left as they are",
};

type Ending = keyof typeof ENDINGS;

/** To be asked once, of the registry as it was found: by the next attempt it may have changed. */
function outcomeOf({ type, name, kind, change, before }: Journal, registry: Registry): Ending {
  const entry = registry.get({ type, name });
  if (kind === "install" ? entry?.change === change : entry === undefined) return "finished";
  // Without a change in the entry nothing is known: the registry may have been lost, and rebuilt.
  const isFollowed = before !== undefined && entry?.change !== undefined && entry.change !== before;
  return isFollowed ? "abandoned" : "undone";
}

function howToEnd(
  journal: Journal,
  ending: Ending,
  workspace: Workspace,
  layout: Layout,
  log: Log,
): () => Promise<void> {
  const { type, name, kind } = journal;
  log.warn({ plugin: { type, name }, change: journal.change, kind }, MESSAGES[ending]);
  return async () => {
    await ENDINGS[ending](journal, { layout, workspace });
    await workspace.remove().catch((err) => log.warn({ err }, "a change's files could not be removed"));
  };
}

/** The workspaces on a volume. What a link leads to is not ours. */
async function list(layout: Layout, volume: Volume): Promise<string[]> {
  const folder = layout.changesFolder(volume);
  return (await statIfThere(folder))?.isDirectory() ? readdir(folder) : [];
}
