import { type Static, Type } from "@sinclair/typebox";
import { VERDICTS } from "../domain/compatibility.ts";
import { listOf, named, oneOf, text } from "./shapes.ts";

export const Verdict = oneOf(VERDICTS, { $id: "Verdict", description: "Whether the engine will load a plugin" });
export type Verdict = Static<typeof Verdict>;

export const Problem = named(
  "Problem",
  {
    code: text("Stable, such as `PACKAGE_DIFFERS`; docs/api.md has all of them"),
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
