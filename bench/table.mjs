import { median } from "./pairs.mjs";

const HEAD = ["what", "ours", "theirs", "ratio: median (min–max)", "target", "met?"];

/** The whole report in Markdown. */
export function formatTable(machine, plan, figures) {
  const about = Object.entries(machine).map(([key, value]) => `- ${key}: ${value}`);
  const lines = [HEAD, HEAD.map(() => "---"), ...figures.map(cells)].map((row) => `| ${row.join(" | ")} |`);
  return [`# Bench (${plan.name})`, "", ...about, "", ...lines].join("\n");
}

/** @param {import("./figure.mjs").Figure} figure */
function cells({ what, unit, ours, theirs, theirsIs, ratios, target, met, skipped }) {
  if (skipped !== undefined) return [what, `skipped: ${skipped}`, "–", "–", "–", "–"];
  const rounds = ours.length > 1 ? ` [${ours.length}×]` : "";
  return [
    what + rounds,
    theirs.length > 0 ? amount(median(ours), unit) : range(ours, unit),
    theirs.length > 0 ? `${theirsIs}: ${amount(median(theirs), unit)}` : "–",
    ratios.length > 0
      ? `**${digits(median(ratios))}** (${digits(Math.min(...ratios))}–${digits(Math.max(...ratios))})`
      : "–",
    target === undefined ? "–" : targetText(target, theirs.length > 0 ? "" : ` ${unit}`),
    met === undefined ? "–" : met ? "yes" : "**no**",
  ];
}

function targetText({ atMost, atLeast }, unit) {
  return atMost === undefined ? `≥ ${atLeast}${unit}` : `≤ ${atMost}${unit}`;
}

function range(values, unit) {
  const middle = amount(median(values), unit);
  return values.length === 1 ? middle : `${middle} (${digits(Math.min(...values))}–${digits(Math.max(...values))})`;
}

function amount(value, unit) {
  return unit.startsWith("/") ? `${digits(value)}${unit}` : `${digits(value)} ${unit}`;
}

/** Three digits that count. */
function digits(value) {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(value >= 10 ? 3 : value >= 1 ? 3 : 2);
}
