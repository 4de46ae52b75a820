import type { Problem, Verdict } from "../../domain/compatibility.ts";
import { enumerate } from "../../lib/text.ts";
import type { EngineFacts } from "../engine.ts";
import { type GoModule, moduleOf } from "../go/build-info.ts";
import type { SourcePaths } from "../go/toolchain.ts";
import type { PluginReading } from "../plugin-facts.ts";

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
  /** The symbol is there, and of a type that the engine refuses at the plugin's first use. */
  SYMBOL_TYPE: "incompatible",
  /** Of which type the symbol is can't be read, or not what the engine asks for. */
  SYMBOL_TYPE_UNKNOWN: "unknown",
  /** The plugin contradicts itself, or is beyond what is read. */
  INSPECTION_INCOMPLETE: "unknown",
  /** There is nothing to compare with. */
  ENGINE_UNKNOWN: "unknown",
  /** Linked to glibc, for which musl stands in partly. */
  FOREIGN_LIBC: "unknown",
  /** It fits, and that depends on the `LD_LIBRARY_PATH` of the engine's process. */
  LIBRARY_PATH: "compatible",
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

/**
 * Why packages differ, as far as the files say, and what to do about it.
 *
 * @param differing import paths of the packages
 * @param sources of the plugin
 */
export function likelyCause(
  differing: readonly string[],
  plugin: PluginReading,
  engine: EngineFacts,
  sources: SourcePaths | undefined,
): string {
  const modules = modulesByPath(engine);
  const isOtherBuild = differing.some((path) => isStandard(path, modules));
  return isOtherBuild ? otherBuild(plugin, engine, sources) : otherSources(differing, engine, sources);
}

/** The two versions of Go if they are known to differ, also by the symbols' spelling, which changed in Go 1.20. */
export function goVersions(plugin: PluginReading, engine: EngineFacts): { plugin: string; engine: string } | undefined {
  const names = { plugin: plugin.facts.goVersion, engine: engine.goVersion };
  if (names.plugin !== "" && names.engine !== "") return names.plugin === names.engine ? undefined : names;
  const separators = { plugin: plugin.symbols?.separator, engine: engine.symbols?.separator };
  if (separators.plugin === separators.engine) return undefined;
  const spelled = (separator: string | undefined) => (separator === ":" ? "Go 1.20 or later" : "a Go before 1.20");
  return { plugin: names.plugin || spelled(separators.plugin), engine: names.engine || spelled(separators.engine) };
}

/** Everyone has the same sources of Go's own packages, so it is how they were built. */
function otherBuild(plugin: PluginReading, engine: EngineFacts, sources: SourcePaths | undefined): string {
  if (goVersions(plugin, engine) !== undefined) return "packages of another version of Go are never the same";
  const pluginRoot = sources?.goRoot;
  const pluginTrimmed = pluginRoot === undefined ? undefined : pluginRoot === "";
  const { trimpath: engineTrimmed, goRoot: engineRoot } = engine;
  if (pluginTrimmed === false && engineTrimmed === true) {
    return "the plugin was built without -trimpath and the engine with it: build the plugin with -trimpath";
  }
  if (pluginTrimmed === true && engineTrimmed === false) {
    return "the plugin was built with -trimpath and the engine without it: build the plugin without -trimpath";
  }
  if (pluginRoot && engineRoot && pluginRoot !== engineRoot) {
    return `neither was built with -trimpath, the plugin by the Go in ${pluginRoot} and the engine by the one in ${engineRoot}: build the plugin with the Go in that folder`;
  }
  const version = engine.goVersion === "" ? "the engine's version of Go" : engine.goVersion;
  const flags = engineTrimmed === undefined ? "-trimpath" : "-race and -gcflags";
  return `the plugin was built with another Go or other flags: build it with ${version} and all flags of the engine's build, such as ${flags}`;
}

/** A package differs where one that it imports does, so the engine's dependencies count before its own module. */
function otherSources(differing: readonly string[], engine: EngineFacts, sources: SourcePaths | undefined): string {
  const { main } = engine.modules;
  const dependencies = differingModules(differing, engine).filter((module) => module !== main);
  if (dependencies.length > 0) {
    const versions = dependencies.map((module) => versionsOf(module, sources));
    return `build the plugin with the engine's versions of modules: ${enumerate(versions)}`;
  }
  const own = main === undefined ? "" : ` (${main.path} ${main.version})`;
  const source = `build the plugin from the same source as the engine${own}`;
  // Without -trimpath the folder of the source is a part of what is compiled.
  return engine.trimpath === false ? `${source} in the same folder as the engine's, or both with -trimpath` : source;
}

function versionsOf({ path, version, replacedBy }: GoModule, sources: SourcePaths | undefined): string {
  const replaced = replacedBy === "" ? "" : ` (replaced by ${replacedBy})`;
  const inPlugin = sources?.versions.get(replacedBy || path);
  return `${path}${replaced}, ${version} in the engine${inPlugin === undefined ? "" : ` and ${inPlugin} in the plugin`}`;
}

/** The engine's modules to which the packages belong, those with the most packages first. */
export function differingModules(differing: readonly string[], engine: EngineFacts): GoModule[] {
  const modules = modulesByPath(engine);
  const counts = new Map<GoModule, number>();
  for (const path of differing) {
    const module = moduleOf(path, modules);
    if (module !== undefined) counts.set(module, (counts.get(module) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one).map(([module]) => module);
}

function modulesByPath({ modules }: EngineFacts): ReadonlyMap<string, GoModule> {
  const all = modules.main === undefined ? modules.dependencies : [...modules.dependencies, modules.main];
  return new Map(all.map((module) => [module.path, module]));
}

/** Go's own packages have no dot in the first part of their path, and belong to none of the modules. */
function isStandard(path: string, modules: ReadonlyMap<string, GoModule>): boolean {
  return !(path.split("/", 1)[0] ?? "").includes(".") && moduleOf(path, modules) === undefined;
}
