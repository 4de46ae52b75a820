import { pluginKey } from "../../domain/plugin.ts";
import { statIfThere } from "../../lib/files.ts";
import { count, quoted } from "../../lib/text.ts";
import { contentOf } from "../../store/versions/content.ts";
import { type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { installed } from "./installed.ts";

/** Whether what a rollback needs is there; the content is hashed by the rollback itself. */
export async function* keptVersions(situation: Situation, signal: AbortSignal): AsyncIterable<Observation> {
  const plugins = await installed(situation);
  if (plugins === undefined) return yield skipped("the registry can't be used");
  const { layout } = situation;
  let versions = 0;
  for (const [id, { versions: kept = [] }] of plugins) {
    for (const { version, files } of kept) {
      signal.throwIfAborted();
      versions += 1;
      let damaged = 0;
      for (const file of files) {
        const content = contentOf(file);
        if (content === undefined) continue;
        const stats = await statIfThere(layout.keptFile(content.volume, content.sha256));
        const size = BigInt(file.bytes ?? stats?.size ?? 0);
        if (!stats?.isFile() || stats.size !== size) damaged += 1;
      }
      if (damaged === 0) continue;
      const which = `${quoted(version) || "the version without a number"} of ${quoted(pluginKey(id))}`;
      yield warning(
        `${count(damaged, "kept file")} of ${which} can't be used: a rollback to it fails`,
        "install that version from its zip if it is needed",
      );
    }
  }
  yield ok(`${count(versions, "earlier version")} for a rollback`);
}
