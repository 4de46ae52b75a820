/**
 * Whether an engine will load a plugin, as far as the files tell. `unknown` is for what can't be known: there is no
 * engine's binary to compare with, or it can't be read.
 */
export const VERDICTS = ["compatible", "incompatible", "unknown"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What stands against loading a plugin, or against knowing whether it would load. */
export interface Problem {
  /** Stable, for programs: `PACKAGE_DIFFERS`, `SYMBOL_MISSING`, … */
  readonly code: string;
  /** One sentence: what is wrong and, where it is known, why and what to do. */
  readonly message: string;
  /** The import paths of the packages that differ, all of them. */
  readonly packages?: readonly string[];
}

export interface Compatibility {
  readonly verdict: Verdict;
  /** Empty when the verdict is `compatible`. The most important one comes first. */
  readonly problems: readonly Problem[];
}
