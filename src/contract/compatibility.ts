import { type Static, Type } from "@sinclair/typebox";
import { VERDICTS } from "../domain/compatibility.ts";
import { listOf, named, oneOf, text } from "./shapes.ts";

export const Verdict = oneOf(VERDICTS, { $id: "Verdict", description: "Whether the engine will load a plugin" });
export type Verdict = Static<typeof Verdict>;

/** Known so far; a later version may have more. */
const PROBLEM_CODES = [
  "NOT_ELF",
  "FILE_TRUNCATED",
  "NOT_GO_PLUGIN",
  "WRONG_CPU",
  "WRONG_LIBC",
  "GLIBC_TOO_OLD",
  "LIBRARY_MISSING",
  "ENGINE_WITHOUT_PLUGINS",
  "GO_VERSION_DIFFERS",
  "PACKAGE_DIFFERS",
  "SYMBOL_MISSING",
  "SYMBOL_TYPE",
  "SO_MISSING",
  "SO_NAME",
  "ALREADY_LOADED",
  "PACKAGE_DIFFERS_FROM_PLUGIN",
  "BUILT_IN_NAME",
  "CONFIG_INVALID",
  "ENGINE_UNKNOWN",
  "FOREIGN_LIBC",
  "SYMBOL_TYPE_UNKNOWN",
  "LIBRARY_PATH",
  "INSPECTION_INCOMPLETE",
] as const;

export const Problem = named(
  "Problem",
  {
    code: Type.Unsafe<string>(oneOf(PROBLEM_CODES, { description: "Stable, for programs" })),
    message: text("What is wrong and, where it is known, why and what to do"),
    packages: Type.Optional(listOf(Type.String(), "The import paths of the packages that differ, all of them")),
  },
  "Why a plugin will not load, or why that is unknown",
);
export type Problem = Static<typeof Problem>;

export const Compatibility = named(
  "Compatibility",
  { verdict: Verdict, problems: listOf(Problem, "The most important one first") },
  "The verdict on a plugin, with its causes",
);
export type Compatibility = Static<typeof Compatibility>;

export const EngineFunctions = named(
  "EngineFunctions",
  {
    found: listOf(Type.String()),
    missing: Type.Optional(listOf(Type.String())),
    remedy: Type.Optional(text("What has to be done for those that are missing")),
  },
  "Which functions of a function plugin the engine finds by itself",
);
export type EngineFunctions = Static<typeof EngineFunctions>;
