import { existsSync } from "node:fs";
import { type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { nearestSetting } from "./did-you-mean.ts";

/** Keys that nothing reads: most are a typing error, and the setting that was meant has its default. */
export async function* settings({ warnings, layout, base }: Situation): AsyncIterable<Observation> {
  for (const one of warnings) {
    const nearest = nearestSetting(one.slice(one.lastIndexOf(" ") + 1));
    const meant = nearest === undefined ? "correct its name as docs/settings.md has it" : `it may mean ${nearest}`;
    yield warning(one, `${meant}, or remove it`);
  }
  if (warnings.length > 0) return;
  const file = layout.configFile;
  const where = existsSync(file)
    ? `each setting in ${file} is read`
    : `there is no ${file}, so its settings have their defaults`;
  yield ok(`the base folder is ${base}; ${where}`);
}
