import { median } from "./pairs.mjs";

/**
 * One row of the table.
 *
 * @typedef {object} Figure
 * @property {string} what
 * @property {string} unit of `ours` and `theirs`: ms, MB, /s
 * @property {number[]} ours one value for each round
 * @property {number[]} theirs the same rounds; empty where there is nothing to compare with
 * @property {string} [theirsIs] what it is compared with
 * @property {number[]} ratios pair by pair
 * @property {{ atMost?: number, atLeast?: number }} [target]
 * @property {boolean} [met]
 * @property {string} [skipped] why there are no values
 */

/**
 * A figure that is compared pair by pair; its target is one for the median of the ratios.
 *
 * @returns {Figure}
 */
export function comparison({ what, unit, pairs, theirsIs, target }) {
  const ours = pairs.map((pair) => pair.ours);
  const theirs = pairs.map((pair) => pair.theirs);
  const ratios = pairs.map((pair) => pair.ours / pair.theirs);
  return { what, unit, ours, theirs, theirsIs, ratios, target, met: target && meets(median(ratios), target) };
}

/**
 * A figure that stands for itself; its target is one for the worst value.
 *
 * @returns {Figure}
 */
export function absolute({ what, unit, ours, target }) {
  const met = target && ours.every((value) => meets(value, target));
  return { what, unit, ours, theirs: [], ratios: [], target, met };
}

/** @returns {Figure} */
export function skipped(what, reason) {
  return { what, unit: "", ours: [], theirs: [], ratios: [], skipped: reason };
}

function meets(value, { atMost = Infinity, atLeast = -Infinity }) {
  return value <= atMost && value >= atLeast;
}
