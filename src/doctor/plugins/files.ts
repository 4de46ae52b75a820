import { type PluginId, soPath } from "../../domain/plugin.ts";
import type { InstalledFile, PluginEntry } from "../../domain/plugin-entry.ts";
import { sha256OfFile, statIfThere } from "../../lib/files.ts";
import { count, enumerate, quoted } from "../../lib/text.ts";
import type { Layout } from "../../store/layout.ts";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { installed } from "./installed.ts";

/** What became of a file since the install. */
type Fate = "as installed" | "changed" | "missing";

/** Whether the files of each plugin are there, and which are not as they were installed. */
export async function* pluginFiles(situation: Situation, signal: AbortSignal): AsyncIterable<Observation> {
  const plugins = await installed(situation);
  if (plugins === undefined) return yield skipped("the registry can't be used");
  let files = 0;
  const edited: string[] = [];
  for (const [id, entry] of plugins) {
    for (const file of entry.files) {
      signal.throwIfAborted();
      const fate = await fateOf(file, situation.layout);
      files += 1;
      if (fate === "as installed") continue;
      const isSo = file.path === soPath(id.type, entry.soFile);
      if (fate === "changed" && !isSo) edited.push(quoted(file.path));
      else
        yield isSo ? ofSo(id, entry, fate) : warning(`${quoted(file.path)} is gone`, "install the plugin again for it");
    }
  }
  if (edited.length > 0) yield ok(`edited since the install, and kept by an update: ${enumerate(edited)}`);
  yield ok(`${count(files, "file")} of ${count(plugins.length, "plugin")} looked at`);
}

function ofSo({ type, name }: PluginId, { soFile }: PluginEntry, fate: Fate): Observation {
  const so = quoted(`${type}/${soFile}`);
  if (fate === "missing") {
    return failure(`the .so of ${quoted(name)} is gone: ${so}`, "install the plugin again, or delete it");
  }
  return warning(`${so} is not the file that was installed`, "install it again, unless it was replaced on purpose");
}

/** Of a file whose size is as it was, the content decides; one that was adopted is only looked for. */
async function fateOf({ path, sha256, bytes }: InstalledFile, layout: Layout): Promise<Fate> {
  const file = layout.absolute(path);
  const stats = await statIfThere(file);
  if (stats === undefined) return "missing";
  if (!stats.isFile()) return sha256 === undefined ? "as installed" : "changed";
  if (bytes !== undefined && stats.size !== BigInt(bytes)) return "changed";
  return sha256 === undefined || (await sha256OfFile(file, stats.size)) === sha256 ? "as installed" : "changed";
}
