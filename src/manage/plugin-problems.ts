import type { Compatibility, Problem, Verdict } from "../domain/compatibility.ts";

/**
 * What can stand against an installed plugin beside what its inspection found, the most important first, and the
 * verdict that it makes. The codes are for programs and stay; docs/api tells clients what they mean.
 */
export const INSTALLED_PROBLEM_VERDICT = {
  /** The file that the engine would load is gone. */
  SO_MISSING: "incompatible",
  /** Go knows plugins by their path, and another plugin has the same. */
  ALREADY_LOADED: "incompatible",
  /** Packages that the engine does not have are not the same in another plugin. `packages` has all of them. */
  PACKAGE_DIFFERS_FROM_PLUGIN: "incompatible",
} as const satisfies Record<string, Verdict>;

export interface InstalledProblem extends Problem {
  readonly code: keyof typeof INSTALLED_PROBLEM_VERDICT;
}

/** The verdict with these problems besides; what is wrong with the plugin itself comes first. */
export function withProblems(compatibility: Compatibility, more: readonly InstalledProblem[]): Compatibility {
  const { verdict, problems } = compatibility;
  if (more.length === 0) return compatibility;
  const worse = more.some(({ code }) => INSTALLED_PROBLEM_VERDICT[code] === "incompatible") ? "incompatible" : verdict;
  return { verdict: worse, problems: [...problems, ...more] };
}
