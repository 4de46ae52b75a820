import type { Compatibility } from "../../domain/compatibility.ts";
import { enumerate, printable, quoted } from "../../lib/text.ts";
import type { EngineFacts } from "../engine.ts";
import type { SourcePaths } from "../go/toolchain.ts";
import { compareVersions } from "../libc.ts";
import type { PluginReading } from "../plugin-facts.ts";
import type { SymbolTypes } from "../symbol-types.ts";
import type { FoundLibraries } from "../system/libraries.ts";
import type { SystemFacts } from "../system/system-facts.ts";
import { byImportance, goVersions, type KnownProblem, likelyCause, verdictOf } from "./problems.ts";
import { symbolTypeProblem } from "./symbol-types.ts";

const BUILD_PLUGIN = "build it with go build -buildmode=plugin";
/** Go keeps a file that it loaded, and one whose packages it refused, for as long as the process lives. */
const RESTART = "once the file is replaced, restart the engine: Go does not load the same path twice";

/** All that a verdict depends on. */
export interface Evidence {
  /** undefined when the plugin's file is no ELF file. */
  readonly plugin: PluginReading | undefined;
  /** Or why there is none to compare with. */
  readonly engine: EngineFacts | string;
  /** Whether it is not the one of the settings, but one that was asked for. */
  readonly isOtherEngine: boolean;
  readonly system: SystemFacts;
  /** Symbols that the engine will look up. */
  readonly requiredSymbols: readonly string[];
  /** Nothing where they were not searched for. */
  readonly libraries: FoundLibraries;
  /** The `LD_LIBRARY_PATH` with which they were searched for, `""` without one; otherwise the server's own, not a setting. */
  readonly libraryPath: { readonly value: string; readonly isSet: boolean };
  /** Of the plugin, for saying why packages differ; undefined when none do. */
  readonly sources: SourcePaths | undefined;
  /** Or why they are not known; undefined where the engine asks for nothing that could be compared. */
  readonly symbolTypes: SymbolTypes | string | undefined;
}

/**
 * Whether the engine will load a plugin and find the required symbols in it. Pure: everything was read before. Strings
 * of the files are made printable.
 */
export function judge(evidence: Evidence): Compatibility {
  const problems = byImportance(problemsOf(evidence));
  return { verdict: verdictOf(problems), problems: problems.map(printableProblem) };
}

function printableProblem({ packages, ...problem }: KnownProblem): KnownProblem {
  const message = printable(problem.message);
  return { ...problem, message, ...(packages === undefined ? {} : { packages: packages.map(printable) }) };
}

function problemsOf(evidence: Evidence): KnownProblem[] {
  const { plugin, engine, requiredSymbols } = evidence;
  if (plugin === undefined) {
    return [{ code: "NOT_ELF", message: `the plugin is no ELF file, as every plugin for Linux is: ${BUILD_PLUGIN}` }];
  }
  const wrongKind = kindProblem(plugin);
  if (wrongKind !== undefined) return [wrongKind];
  const problems: KnownProblem[] = [];
  if (plugin.unread !== "") {
    problems.push({ code: "INSPECTION_INCOMPLETE", message: `the plugin can't be inspected: ${plugin.unread}` });
  }
  if (typeof engine === "string") {
    const remedy = evidence.isOtherEngine
      ? "correct the path that was asked for"
      : "set engine.binary to the engine's executable";
    problems.push({ code: "ENGINE_UNKNOWN", message: `${engine}, so nobody compared the plugin with it: ${remedy}` });
  }
  problems.push(...platformProblems(evidence, plugin));
  if (typeof engine !== "string") problems.push(...engineProblems(evidence, plugin, engine));
  const absent = plugin.kind === "plugin" ? requiredSymbols.filter((symbol) => !plugin.exports.includes(symbol)) : [];
  if (absent.length > 0 && plugin.unread === "") problems.push(symbolProblem(absent, plugin));
  const wrongType = symbolTypeProblem(requiredSymbols, evidence.symbolTypes);
  if (wrongType !== undefined) problems.push({ ...wrongType, message: `${wrongType.message}; ${RESTART}` });
  return problems;
}

function kindProblem({ kind }: PluginReading): KnownProblem | undefined {
  switch (kind) {
    case "truncated":
      return { code: "FILE_TRUNCATED", message: "the plugin is cut off: its file ends too early; package it again" };
    case "program":
      return { code: "NOT_GO_PLUGIN", message: `the plugin is no shared library but a program: ${BUILD_PLUGIN}` };
    case "library":
      return {
        code: "NOT_GO_PLUGIN",
        message: `the plugin is a library without Go packages, and loading it would end the engine: ${BUILD_PLUGIN}`,
      };
    case "go-library":
      return {
        code: "NOT_GO_PLUGIN",
        message: `the plugin is a Go library of another kind, and loading it could end the engine: ${BUILD_PLUGIN}`,
      };
    default:
      return undefined;
  }
}

/** What would keep any file from being loaded. Without an engine, the plugin is compared with this system. */
function platformProblems(
  { engine, system, libraries: { missing, byPath }, libraryPath }: Evidence,
  plugin: PluginReading,
): KnownProblem[] {
  const { facts } = plugin;
  const [host, name] = typeof engine === "string" ? [system, "this system"] : [engine, "the engine"];
  if (facts.cpu !== "" && host.cpu !== "" && facts.cpu !== host.cpu) {
    const message = `the plugin is built for ${facts.cpu} and ${name} for ${host.cpu}: build it with GOARCH=${host.cpu}`;
    return [{ code: "WRONG_CPU", message }];
  }
  const otherLibc = libcProblem(facts.libc, host.libc, name);
  if (otherLibc !== undefined) return [otherLibc];
  const problems: KnownProblem[] = [];
  const isHere = facts.cpu === system.cpu && facts.libc === system.libc;
  if (isHere && facts.glibc !== "" && system.glibc !== "" && compareVersions(facts.glibc, system.glibc) > 0) {
    const message = `the plugin asks for glibc ${facts.glibc} and ${whose(system, libraryPath)} ${system.glibc}: build it on the system of the engine's image, or an older one`;
    problems.push({ code: "GLIBC_TOO_OLD", message });
  }
  if (missing.length > 0) {
    const searched =
      libraryPath.value === ""
        ? "if the engine's process has an LD_LIBRARY_PATH, set engine.libraryPath to it"
        : `the folders of LD_LIBRARY_PATH, ${quoted(libraryPath.value)}, were searched, too: engine.libraryPath should be that of the engine's process`;
    const message = `the plugin asks for ${enumerate(missing)}, which this system does not have: install what has it, or have install.sh do so; ${searched}`;
    problems.push({ code: "LIBRARY_MISSING", message });
  }
  const decisive = isHere && facts.glibc !== "" && system.glibcByPath !== "" ? [system.glibcByPath, ...byPath] : byPath;
  if (decisive.length > 0 && problems.length === 0) {
    const message = `the plugin would load with ${enumerate([...new Set(decisive)])}, to which only ${pathName(libraryPath)} leads: the verdict holds for an engine whose process has that LD_LIBRARY_PATH; if yours has another one, set engine.libraryPath to it`;
    problems.push({ code: "LIBRARY_PATH", message });
  }
  return problems;
}

/** Where the path comes from, and what it is. */
function pathName({ value, isSet }: Evidence["libraryPath"]): string {
  return `${isSet ? "engine.libraryPath" : "this server's own LD_LIBRARY_PATH"} (${quoted(value)})`;
}

/** Whose glibc it is. */
function whose({ glibcByPath }: SystemFacts, path: Evidence["libraryPath"]): string {
  return glibcByPath === "" ? "this system has" : `${quoted(glibcByPath)}, to which ${pathName(path)} leads, is`;
}

/** The two have different file names. But musl stands in for glibc, and small plugins do work like that. */
function libcProblem(plugin: string, host: string, name: string): KnownProblem | undefined {
  if (plugin === "musl" && host === "glibc") {
    const message = `the plugin is linked to musl and ${name} to glibc: build it on a system with glibc, such as Debian`;
    return { code: "WRONG_LIBC", message };
  }
  if (plugin === "glibc" && host === "musl") {
    const message = `the plugin is linked to glibc and ${name} to musl, which lacks some of it: build it on a system with musl, such as Alpine`;
    return { code: "FOREIGN_LIBC", message };
  }
  return undefined;
}

function engineProblems({ sources }: Evidence, plugin: PluginReading, engine: EngineFacts): KnownProblem[] {
  if (engine.symbols === undefined) {
    const message = `the engine loads no plugins at all: ${whyWithoutPlugins(engine)}`;
    return [{ code: "ENGINE_WITHOUT_PLUGINS", message }];
  }
  if (plugin.symbols === undefined || plugin.facts.cpu !== engine.cpu) return [];
  const { shared, differing } = compareHashes(plugin.symbols.hashes, engine.symbols.hashes);
  if (differing.length === 0) return [];
  const problems: KnownProblem[] = [];
  const versions = goVersions(plugin, engine);
  if (versions !== undefined) {
    const message = `the plugin was built with ${versions.plugin} and the engine with ${versions.engine}: build it with the engine's; ${RESTART}`;
    problems.push({ code: "GO_VERSION_DIFFERS", message });
  }
  const cause = likelyCause(differing, plugin, engine, sources);
  const message = `${differing.length} of the ${shared} packages that the plugin shares with the engine ${differing.length === 1 ? "differs" : "differ"}, ${enumerate(differing)}; ${cause}; ${RESTART}`;
  return [...problems, { code: "PACKAGE_DIFFERS", message, packages: differing }];
}

function whyWithoutPlugins({ libc, modules: { settings } }: EngineFacts): string {
  const cgo = settings.get("CGO_ENABLED");
  if (cgo === "0") return "it was built without cgo; build it with CGO_ENABLED=1";
  if (libc !== "static") return "it was built without Go's plugin package";
  const remedy = "build it with CGO_ENABLED=1, and without -static among the linker's flags";
  return cgo === "1"
    ? `it is linked statically; ${remedy}`
    : `it is a static program, built without cgo or linked statically; ${remedy}`;
}

function symbolProblem(absent: readonly string[], { exports, path, isPathForeign }: PluginReading): KnownProblem {
  if (isPathForeign) {
    const message = `the engine will look up ${enumerate(absent)} under the path ${quoted(path)}, with which the plugin was linked and under which it has no symbols: build it without -ldflags=-pluginpath; ${RESTART}`;
    return { code: "SYMBOL_MISSING", message };
  }
  const has = exports.length === 0 ? "no upper-case function or variable at all" : enumerate(exports, 10);
  const message = `the engine will look up ${enumerate(absent)} in the plugin's package, which has ${has}: name the plugin after what it has, or the symbol after the plugin; ${RESTART}`;
  return { code: "SYMBOL_MISSING", message };
}

/** The Go packages that a plugin and an engine both contain. */
interface PackageDifferences {
  /** How many there are. */
  readonly shared: number;
  /** The import paths of those that are not the same in both, sorted. */
  readonly differing: readonly string[];
}

type Hashes = ReadonlyMap<string, string>;

/** Compares as `plugin.Open` does, but does not stop at the first difference. */
export function compareHashes(plugin: Hashes, engine: Hashes): PackageDifferences {
  const shared = [...plugin.keys()].filter((path) => engine.has(path));
  return { shared: shared.length, differing: shared.filter((path) => plugin.get(path) !== engine.get(path)).sort() };
}
