import type { Problem, Verdict } from "../../domain/compatibility.ts";

/**
 * The problems of a plugin by importance, and the verdict that each leads to. The codes are stable, for programs;
 * docs/api explains them to clients.
 */
const PROBLEM_VERDICT = {
  /** No ELF file at all: a script, an empty file, a folder, a program of another system. */
  NOT_ELF: "incompatible",
  /** It ends before what has to be loaded. */
  FILE_TRUNCATED: "incompatible",
  /** A C library, a program, a Go library of another kind. Loading one ends the engine's process or fails. */
  NOT_GO_PLUGIN: "incompatible",
  /** Built for another CPU than the engine. */
  WRONG_CPU: "incompatible",
  /** Linked to musl, which an engine of glibc does not find. */
  WRONG_LIBC: "incompatible",
  /** It needs a newer glibc than this system has. */
  GLIBC_TOO_OLD: "incompatible",
  /** A shared library that it needs is not on this system. */
  LIBRARY_MISSING: "incompatible",
  /** The engine was built without support for plugins. */
  ENGINE_WITHOUT_PLUGINS: "incompatible",
  /** The likely cause of packages that differ. */
  GO_VERSION_DIFFERS: "incompatible",
  /** Packages that both contain differ. `packages` has all of them. */
  PACKAGE_DIFFERS: "incompatible",
  /** The plugin's package has no symbol of the name that the engine will look up. */
  SYMBOL_MISSING: "incompatible",
  /** The plugin contradicts itself, or is beyond what is read. */
  INSPECTION_INCOMPLETE: "unknown",
  /** There is nothing to compare with. */
  ENGINE_UNKNOWN: "unknown",
  /** Linked to glibc, for which musl stands in partly. */
  FOREIGN_LIBC: "unknown",
} as const satisfies Record<string, Verdict>;

type ProblemCode = keyof typeof PROBLEM_VERDICT;

export interface KnownProblem extends Problem {
  readonly code: ProblemCode;
}

const ORDER = Object.keys(PROBLEM_VERDICT);

export function byImportance(problems: readonly KnownProblem[]): KnownProblem[] {
  return problems.toSorted((one, other) => ORDER.indexOf(one.code) - ORDER.indexOf(other.code));
}

export function verdictOf(problems: readonly KnownProblem[]): Verdict {
  const verdicts = problems.map(({ code }) => PROBLEM_VERDICT[code] as Verdict);
  if (verdicts.includes("incompatible")) return "incompatible";
  return verdicts.includes("unknown") ? "unknown" : "compatible";
}
