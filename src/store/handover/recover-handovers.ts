import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pluginKey } from "../../domain/plugin.ts";
import { removeFolder, statIfThere } from "../../lib/files.ts";
import type { Log } from "../../lib/log.ts";
import type { Unsettled } from "../journal/recovery.ts";
import type { Layout } from "../layout.ts";
import type { Registry } from "../registry/registry.ts";
import { Handover } from "./handover.ts";
import { readRecord } from "./handover-record.ts";

/**
 * Puts back what the engine damaged while the process that had handed it over was killed: before the folders are compared
 * with the registry, or a plugin whose .so the engine has removed would count as removed by hand.
 *
 * @returns those that are still open: the engine may be writing at this moment
 */
export async function recoverHandovers(
  registry: Registry,
  unsettled: Unsettled,
  layout: Layout,
  log: Log,
): Promise<Handover[]> {
  const open: Handover[] = [];
  const isThere = (await statIfThere(layout.handoversFolder))?.isDirectory();
  for (const name of isThere ? await readdir(layout.handoversFolder) : []) {
    const folder = join(layout.handoversFolder, name);
    try {
      const record = await readRecord(folder);
      if (record === undefined || record.change !== name) {
        await removeFolder(folder);
        continue;
      }
      const handover = new Handover(record, folder, layout);
      if (registry.get(handover.id)?.change !== record.change) {
        await handover.drop();
        continue;
      }
      open.push(handover);
      const key = pluginKey(handover.id);
      const settle = async () => {
        const files = await handover.settle();
        log.warn(
          { plugin: handover.id, files },
          "a hand-over to the engine was interrupted: the plugin's files are whole",
        );
      };
      await settle().catch((err) => {
        log.error({ err, plugin: handover.id }, "a plugin's files could not be put back; the next change tries again");
        // Of a change that could not be ended, too: forgotten, the next start would undo it, and what came after it.
        const endChange = unsettled.get(key);
        unsettled.set(key, async () => {
          await endChange?.();
          unsettled.set(key, settle);
          await settle();
        });
      });
    } catch (err) {
      log.error(
        { err, folder },
        "what a hand-over to the engine left behind could not be cleared; the next start tries again",
      );
    }
  }
  return open;
}
