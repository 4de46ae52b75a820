import { listSettings, variableName } from "../../config/settings.ts";

/** Two letters that are wrong, missing or too many: more is another word. */
const MAX_DISTANCE = 2;
const MAX_LENGTH = 100;

/** The setting, or the variable of one, whose name is nearest to one that nothing reads; undefined where none is near. */
export function nearestSetting(unknown: string): string | undefined {
  if (unknown.length > MAX_LENGTH) return undefined;
  const known = listSettings().flatMap(({ path }) => [path.join("."), variableName(path)]);
  const distances = known.map((name) => ({ name, distance: distance(unknown.toLowerCase(), name.toLowerCase()) }));
  const [best] = distances.sort((one, other) => one.distance - other.distance);
  return best !== undefined && best.distance <= MAX_DISTANCE ? best.name : undefined;
}

/** How many letters have to be changed, added or removed (Levenshtein). */
function distance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > MAX_DISTANCE) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= other.length; column++) {
      const changed = (row[column - 1] ?? 0) + (letter === other[column - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
