import type { Compatibility } from "../../domain/compatibility.ts";
import { type PluginId, pluginKey, soPath } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import { createInspector } from "../../inspect/inspector.ts";
import { hasCode } from "../../lib/errors.ts";
import { count, quoted } from "../../lib/text.ts";
import { CompatibilityCheck, reasonOf } from "../../plugins/verdicts/compatibility-check.ts";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { installed } from "./installed.ts";

/** An engine that was upgraded may load none of hundreds: the cause is the same for all. */
const MAX_NAMED = 50;

/** Whether the engine will load each installed plugin, and why not. */
export async function* verdicts(situation: Situation, signal: AbortSignal): AsyncIterable<Observation> {
  const { config, base, env, layout } = situation;
  const plugins = await installed(situation);
  if (plugins === undefined) return yield skipped("the registry can't be used");
  const { content } = await situation.registry();
  const check = new CompatibilityCheck({
    inspector: createInspector({ config: config.engine, baseFolder: base, env }),
    soFolder: (type) => layout.soFolder(type),
    entries: (type) => content?.[type] ?? new Map(),
    verify: config.engine.verify,
  });
  if (!check.isOn) return yield skipped("engine.verify is off: plugins are not compared with the engine");
  const environment = await check.environment();
  const counts = { compatible: 0, incompatible: 0, unknown: 0 };
  let unknown: Compatibility | undefined;
  for (const [id, entry] of plugins) {
    signal.throwIfAborted();
    const found = await judge(id, entry, check, environment);
    if (found === undefined) continue; // its .so is gone, which another check says
    counts[found.verdict] += 1;
    if (found.verdict === "unknown") unknown ??= found;
    if (found.verdict !== "incompatible" || counts.incompatible > MAX_NAMED) continue;
    yield failure(
      `the engine will not load ${quoted(pluginKey(id))}: ${quoted(reasonOf(found) ?? "", 1000)}`,
      "install a build for this engine, roll it back, or delete it",
    );
  }
  if (counts.incompatible > MAX_NAMED) {
    yield failure(`and ${counts.incompatible - MAX_NAMED} more`, "GET /plugins?verdict=incompatible lists all");
  }
  if (unknown !== undefined) {
    const why = quoted(reasonOf(unknown) ?? "", 1000);
    yield warning(
      `whether the engine loads ${count(counts.unknown, "plugin")} is unknown: ${why}`,
      "see engine-binary",
    );
  }
  yield ok(`${count(counts.compatible, "plugin")} of ${plugins.length} will be loaded, as far as the files say`);

  async function judge(id: PluginId, entry: PluginEntry, by: CompatibilityCheck, present: string) {
    const soFile = layout.absolute(soPath(id.type, entry.soFile));
    try {
      const known = entry.compatibility;
      // Problems are looked at again: a library that was missing may be there by now.
      const holds = known?.verdict === "compatible" && known.basis === (await by.basisOf(soFile, present));
      const own = holds ? known : await by.inspect(soFile, id, entry, { signal });
      return by.amongOthers(id, own, entry.soFile);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }
}
