import type { PluginType } from "../../domain/plugin.ts";
import { isObject, membersOf } from "../../lib/objects.ts";

/**
 * What a rule needs by its text: names in lower case, since the engine's SQL does not tell case apart everywhere. Names of
 * functions, sinks and source types, built in or not.
 */
export interface RuleNeeds extends Readonly<Record<PluginType, ReadonlySet<string>>> {
  /** Streams and tables that it reads. */
  readonly streams: ReadonlySet<string>;
}

/**
 * Reads a rule's JSON: its SQL and actions, or its graph.
 *
 * @param typeOf the source type of a stream or table, by its name in lower case
 */
export function needsOf(rule: unknown, typeOf: (stream: string) => string | undefined): RuleNeeds {
  const { sql, actions, graph } = membersOf(rule);
  const needs = { sources: new Set<string>(), sinks: new Set<string>(), functions: new Set<string>() };
  const streams = new Set<string>();
  if (typeof sql === "string") readSql(sql, streams, needs.functions);
  for (const action of Array.isArray(actions) ? actions : []) {
    for (const sink of Object.keys(membersOf(action))) needs.sinks.add(sink.toLowerCase());
  }
  for (const node of Object.values(membersOf(membersOf(graph).nodes))) readNode(membersOf(node), needs, streams);
  for (const stream of streams) {
    const type = typeOf(stream);
    if (type !== undefined) needs.sources.add(type.toLowerCase());
  }
  return { ...needs, streams };
}

/** Strings, names in backticks, comments, names and single characters: whatever is not closed ends with the text. */
const TOKEN = /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|`[^`]*`?|--[^\n]*|\/\*.*?(?:\*\/|$)|\w+|\S/gs;

function readSql(sql: string, streams: Set<string>, functions: Set<string>): void {
  let before = "";
  let name = "";
  for (const token of sql.match(TOKEN) ?? []) {
    if (token === "(" && /^\w/.test(name)) functions.add(name.toLowerCase());
    if (/^(?:from|join)$/i.test(before) && /^[\w`]/.test(token)) streams.add(unquoted(token).toLowerCase());
    before = token;
    name = token;
  }
}

type Found = Record<PluginType, Set<string>>;

function readNode({ type, nodeType, props }: Record<string, unknown>, needs: Found, streams: Set<string>): void {
  const name = typeof nodeType === "string" ? nodeType.toLowerCase() : "";
  if (type === "source") {
    needs.sources.add(name);
    const { sourceName } = membersOf(props);
    if (typeof sourceName === "string") streams.add(sourceName.toLowerCase());
  } else if (type === "sink") needs.sinks.add(name);
  else for (const text of stringsIn(props)) readSql(text, new Set(), needs.functions);
}

/** The expressions of an operator, which has them in strings and lists of strings. */
function* stringsIn(value: unknown, depth = 0): Iterable<string> {
  if (typeof value === "string") yield value;
  else if (depth < MAX_DEPTH && (Array.isArray(value) || isObject(value))) {
    for (const item of Object.values(value)) yield* stringsIn(item, depth + 1);
  }
}

/** Deeper than any operator's properties are. */
const MAX_DEPTH = 8;

function unquoted(token: string): string {
  return /^["'`]/.test(token)
    ? token.slice(1, token.length > 1 && token.endsWith(token.charAt(0)) ? -1 : undefined)
    : token;
}
