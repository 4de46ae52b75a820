import type { Compatibility, Problem, Verdict } from "../../domain/compatibility.ts";
import type { PluginId, PluginType } from "../../domain/plugin.ts";
import type { PluginVersion } from "../../domain/plugin-entry.ts";
import { enumerate } from "../../lib/text.ts";
import { lookedUpNames } from "../function-names.ts";

/** What one engine has built in, as it says itself; see the room `engine`. */
export interface BuiltInNames {
  /** As far as it is known; functions in lower case. */
  of(type: PluginType): ReadonlySet<string>;
  /** Finds out what is not known yet. Does not take long, whatever the engine does, and never throws. */
  refresh(): Promise<void>;
}

/** Names that every engine has built in, from 1.0 on: a plugin of such a name is never used. */
const ALWAYS: Readonly<Record<PluginType, readonly string[]>> = {
  sources: ["mqtt", "httppull", "edgex"],
  sinks: ["log", "logToMemory", "mqtt", "rest", "nop", "edgex"],
  functions: [
    ...["avg", "count", "max", "min", "sum", "collect"],
    ...["abs", "acos", "asin", "atan", "atan2", "bitand", "bitnot", "bitor", "bitxor", "ceil", "cos", "cosh", "exp"],
    ...["ln", "log", "mod", "power", "rand", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh"],
    ...[
      "concat",
      "endswith",
      "format_time",
      "indexof",
      "length",
      "lower",
      "lpad",
      "ltrim",
      "numbytes",
      "rpad",
      "rtrim",
    ],
    ...["regexp_matches", "regexp_replace", "regexp_substr", "startswith", "substring", "trim", "upper"],
    ...["cast", "chr", "encode", "trunc", "md5", "sha1", "sha256", "sha384", "sha512"],
    ...["isnull", "newuuid", "timestamp", "mqtt", "meta"],
  ],
};

/** Names that some later engine has built in; which ones an engine has is in its `/metadata/sources` and so on. */
const LATER: Readonly<Record<PluginType, readonly string[]>> = {
  sources: ["httppush", "file", "memory", "neuron", "websocket", "simulator", "redis"],
  sinks: ["memory", "neuron", "file", "websocket", "redis", "sse"],
  functions: [],
};

const CODE = "BUILT_IN_NAME";

/** The module of the engines that have any of the later names. */
const LATER_MODULE = "github.com/lf-edge/ekuiper";

/**
 * A plugin's verdict with the problem of a name that the engine uses for a part of its own.
 *
 * @param engineModule the engine's main module, if there is an engine to compare with
 */
export function withBuiltInName<T extends Compatibility>(
  id: PluginId,
  version: Pick<PluginVersion, "functions">,
  own: T,
  engineModule: string | undefined,
): T {
  const names = lookedUpNames(id, version);
  const always = names.filter((name) => isAmong(ALWAYS, id.type, name));
  if (always.length > 0) return withProblem(own, always, id.type, "incompatible");
  const isLater = engineModule?.startsWith(LATER_MODULE) ?? false;
  const later = isLater ? names.filter((name) => isAmong(LATER, id.type, name)) : [];
  return later.length > 0 ? withProblem(own, later, id.type, "unknown") : own;
}

/** Whether every engine has it built in. */
export function isBuiltInEverywhere(type: PluginType, name: string): boolean {
  return isAmong(ALWAYS, type, name);
}

/** A plugin's verdict with the problem of a name that this engine says it has built in; what the tables say is in it. */
export function withEngineName<T extends Compatibility>(
  id: PluginId,
  version: Pick<PluginVersion, "functions">,
  own: T,
  builtIn: BuiltInNames,
): T {
  const { type } = id;
  const engine = builtIn.of(type);
  const isOfEngine = (name: string) => engine.has(type === "functions" ? name.toLowerCase() : name);
  const names = lookedUpNames(id, version);
  if (!names.some(isOfEngine)) return own;
  const others = own.problems.filter(({ code }) => code !== CODE);
  const all = names.filter((name) => isOfEngine(name) || isBuiltInEverywhere(type, name));
  return withProblem({ ...own, problems: others }, all, type, "incompatible");
}

/** The names of functions have no case in the engine's SQL. */
function isAmong(names: typeof ALWAYS, type: PluginType, name: string): boolean {
  return names[type].includes(type === "functions" ? name.toLowerCase() : name);
}

function withProblem<T extends Compatibility>(
  own: T,
  names: readonly string[],
  type: PluginType,
  effect: Exclude<Verdict, "compatible">,
): T {
  const which = `the ${type.slice(0, -1)} ${enumerate(names)}`;
  const fact =
    effect === "incompatible"
      ? `the engine has ${which} built in and never uses a plugin of that name`
      : `later engines have ${which} built in and would not use a plugin of that name (see the engine's /metadata/${type})`;
  const problem: Problem = { code: CODE, message: `${fact}; build the plugin under another name` };
  const verdict = own.verdict === "incompatible" ? own.verdict : effect;
  return { ...own, verdict, problems: [...own.problems, problem] };
}
