/**
 * Measures two things in turns, A B A B, so that whatever slows the machine down meanwhile slows both. One pair goes
 * before, uncounted: caches are warm in every pair that counts.
 *
 * @template A, B
 * @param {number} rounds
 * @param {(round: number) => Promise<A>} ours
 * @param {(round: number) => Promise<B>} theirs
 * @returns {Promise<{ ours: A, theirs: B }[]>}
 */
export async function inTurns(rounds, ours, theirs) {
  const pairs = [];
  for (let round = 0; round <= rounds; round += 1) {
    pairs.push({ ours: await ours(round), theirs: await theirs(round) });
  }
  return pairs.slice(1);
}

/** Milliseconds that `work` takes. */
export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** @param {readonly number[]} values at least one */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
