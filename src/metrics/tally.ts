import type { Sample } from "./sample.ts";

/** Counts things by their labels, each of which has few values. */
export class Tally<L extends string> {
  readonly #counts = new Map<string, { readonly labels: Readonly<Record<L, string>>; value: number }>();

  /** @param known labels that are there from the beginning, with 0: a rate needs a value before the first event */
  constructor(known: readonly Readonly<Record<L, string>>[] = []) {
    for (const labels of known) this.add(labels, 0);
  }

  add(labels: Readonly<Record<L, string>>, amount = 1): void {
    const key = JSON.stringify(labels);
    const count = this.#counts.get(key);
    if (count === undefined) this.#counts.set(key, { labels, value: amount });
    else count.value += amount;
  }

  get samples(): readonly Sample[] {
    return [...this.#counts.values()];
  }
}
