import type { PluginType } from "../../src/domain/plugin.ts";
import { DOES_NOT_LOAD, reasonAfter, type StandInPlugins } from "./engine-stand-in-plugins.ts";

/** A rule of the stand-in: what it needs, and so whether it runs. */
export interface StandInRule {
  readonly id: string;
  /** `SELECT … FROM stream`, with the functions that it calls. */
  readonly sql: string;
  /** Names of sinks. */
  readonly actions: readonly string[];
}

/** A stream: the source that it reads. */
export interface StandInStream {
  readonly name: string;
  /** The name of a source: the stream's TYPE. */
  readonly type: string;
}

/** A .so with this text makes every rule stop that needs it; the reason follows. */
export const RULE_FAILS = "RULE-FAILS:";

/** Built in: not from the plugins' folder. */
export const BUILT_IN: Readonly<Record<PluginType, readonly string[]>> = {
  sources: ["mqtt", "httppull", "memory"],
  sinks: ["log", "mqtt", "rest", "nop"],
  functions: ["abs", "avg", "count", "cos", "exp", "ln", "max", "min", "sign", "sin", "sqrt", "sum", "zip_with"],
};

/** How a rule is: it runs, somebody stopped it, or it failed for a reason. */
type RuleState = "running" | "stopped" | { readonly failed: string; readonly isStarted: boolean };

interface Parts {
  readonly plugins: StandInPlugins;
  readonly rules: readonly StandInRule[];
  readonly streams: readonly StandInStream[];
  /** Ids of rules that somebody stopped: the engine remembers it over restarts. */
  readonly stopped: Set<string>;
  readonly isFrom: (major: number, minor: number, patch?: number) => boolean;
}

/**
 * The rules of one process. A rule is started with the process, or when it is first asked about if it came later. One that
 * failed stays so until it is started again, whatever was installed since.
 */
export class StandInRules {
  readonly #parts: Parts;
  readonly #states = new Map<string, RuleState>();

  constructor(parts: Parts) {
    this.#parts = parts;
    for (const rule of parts.rules) this.stateOf(rule);
  }

  stateOf(rule: StandInRule): RuleState {
    const known = this.#states.get(rule.id) ?? this.#startedState(rule);
    this.#states.set(rule.id, known);
    return known;
  }

  start({ id }: StandInRule): void {
    this.#parts.stopped.delete(id);
    this.#states.delete(id);
  }

  stop({ id }: StandInRule): void {
    this.#parts.stopped.add(id);
    this.#states.set(id, "stopped");
  }

  /** As in the list of all rules. The reason is there from 1.8 to 1.14, if the rule was started at all. */
  listed(rule: StandInRule): string {
    const { isFrom } = this.#parts;
    const state = this.stateOf(rule);
    if (isFrom(2, 0)) return typeof state === "string" ? state : "stopped by error";
    if (state === "running") return "Running";
    if (!isFrom(1, 8)) return "Stopped: canceled manually or by error.";
    if (state === "stopped") return "Stopped: canceled manually.";
    return state.isStarted ? `Stopped: ${state.failed}.` : "Stopped: fail to create the topo.";
  }

  /** As at `/rules/ID/status`: an object, or a text where it does not run until 1.14. */
  status(rule: StandInRule): object | string {
    const { isFrom } = this.#parts;
    const state = this.stateOf(rule);
    const metrics = { source_demo_0_records_in_total: 1 };
    if (isFrom(2, 0)) {
      const message = typeof state === "object" ? state.failed : state === "stopped" ? "canceled manually" : "";
      return { status: this.listed(rule), message, ...metrics };
    }
    if (state !== "running") return this.listed(rule);
    return isFrom(1, 6) ? { status: "running", ...metrics } : metrics;
  }

  json({ id, sql, actions }: StandInRule): object {
    const triggered = !this.#parts.stopped.has(id);
    return { triggered, id, sql, actions: actions.map((sink) => ({ [sink]: {} })) };
  }

  /** `POST` with names answers what these need, loaded plugins alone; `GET` answers all that the engine installed itself. */
  export(ids: readonly string[] | undefined): object {
    const { plugins, rules, streams } = this.#parts;
    const chosen = rules.filter(({ id }) => ids === undefined || ids.includes(id));
    const native: Record<string, string> = {};
    const read: Record<string, string> = {};
    const exported = Object.fromEntries((ids ?? []).map((id) => [id, ""]));
    for (const rule of chosen) {
      exported[rule.id] = JSON.stringify(this.json(rule));
      for (const { type, name } of this.#needs(rule)) {
        const owner = type === "functions" ? plugins.ownerOf(name) : name;
        const loaded = plugins.get(type, owner);
        if (loaded !== undefined && (ids !== undefined || loaded.order !== undefined)) {
          native[`${type}_${owner}`] = loaded.order ?? "";
        }
      }
      const stream = this.#streamOf(rule);
      if (stream !== undefined) read[stream.name] = `CREATE STREAM ${stream.name} () WITH (TYPE="${stream.type}")`;
    }
    const all =
      ids === undefined ? Object.fromEntries(streams.map(({ name }) => [name, `CREATE STREAM ${name}`])) : read;
    return { streams: all, tables: {}, rules: exported, nativePlugins: native, portablePlugins: {} };
  }

  #startedState(rule: StandInRule): RuleState {
    if (this.#parts.stopped.has(rule.id)) return "stopped";
    for (const { type, name } of this.#needs(rule)) {
      const failed = this.#objection(type, name);
      if (failed !== undefined) return failed;
    }
    return "running";
  }

  #streamOf({ sql }: StandInRule): StandInStream | undefined {
    return this.#parts.streams.find(({ name }) => new RegExp(`\\bfrom\\s+${name}\\b`, "i").test(sql));
  }

  #needs(rule: StandInRule): { type: PluginType; name: string }[] {
    const stream = this.#streamOf(rule);
    const source = stream === undefined ? [] : [{ type: "sources" as const, name: stream.type }];
    const sinks = rule.actions.map((name) => ({ type: "sinks" as const, name }));
    const functions = Array.from(rule.sql.matchAll(/(\w+)\(/g), ([, name = ""]) => ({
      type: "functions" as const,
      name,
    }));
    return [...source, ...sinks, ...functions];
  }

  #objection(type: PluginType, name: string): RuleState | undefined {
    if (BUILT_IN[type].includes(name)) return undefined;
    const { plugins } = this.#parts;
    const plugin = plugins.get(type, type === "functions" ? plugins.ownerOf(name) : name);
    if (plugin === undefined) return { failed: notFound(type, name), isStarted: false };
    const unfit = reasonAfter(plugin.content, DOES_NOT_LOAD);
    if (unfit !== undefined) return { failed: unfit, isStarted: false };
    const reason = reasonAfter(plugin.content, RULE_FAILS);
    return reason === undefined ? undefined : { failed: reason, isStarted: true };
  }
}

function notFound(type: PluginType, name: string): string {
  if (type === "sources") return `source type ${name} not found`;
  return type === "sinks" ? `sink ${name} is not defined` : `function ${name} not found`;
}
