import type { Node } from "./parse-expression.ts";

/** A text that can be made as long as one likes: the pump is repeated. */
export interface Attack {
  readonly prefix: string;
  readonly pump: string;
  readonly suffix: string;
}

/** Characters to choose from: each expression gets one of those that it does not tell apart. */
const CANDIDATES = [
  ...Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)),
  ...["\n", "\t", "\r", "\0", "\u0001", "é", "É", "\ufeff", "\u2028", "\u202e", "\ud83d", "\u0301"],
];
/** More kinds of characters than this make too many pairs. */
const MAX_PAIRED = 9;

/**
 * Texts on which a backtracking matcher takes longest: each kind of character, each pair of them, and what each part of
 * the expression matches, repeated, after what leads to a repetition, and before what can't match.
 */
export function attackStrings(expression: Node): Attack[] {
  const kinds = kindsOf(charactersIn(expression));
  const parts = nodesIn(expression).map(sample);
  const pairs = kinds.length <= MAX_PAIRED ? kinds.flatMap((one) => kinds.map((other) => one + other)) : [];
  const pumps = new Set([...kinds, ...pairs, ...parts, sample(expression)].filter((pump) => pump !== ""));
  const prefixes = new Set(["", ...pathsToRepetitions(expression, "")]);
  const attacksOf = (prefix: string, pump: string) => ["", ...kinds].map((suffix) => ({ prefix, pump, suffix }));
  return [
    ...[...prefixes].flatMap((prefix) => [...pumps].flatMap((pump) => attacksOf(prefix, pump))),
    ...kinds.flatMap((prefix) => kinds.flatMap((pump) => attacksOf(prefix, pump))),
  ];
}

function kindsOf(characters: readonly (Node & { kind: "character" })[]): string[] {
  const kinds = new Map<string, string>();
  for (const candidate of CANDIDATES) {
    const signature = characters.map(({ matches }) => (matches(candidate) ? "1" : "0")).join("");
    if (!kinds.has(signature)) kinds.set(signature, candidate);
  }
  return [...kinds.values()];
}

function charactersIn(node: Node): (Node & { kind: "character" })[] {
  return nodesIn(node).filter((one) => one.kind === "character");
}

export function nodesIn(node: Node): Node[] {
  return [node, ...childrenOf(node).flatMap(nodesIn)];
}

function childrenOf(node: Node): readonly Node[] {
  if ("nodes" in node) return node.nodes;
  return "node" in node ? [node.node] : [];
}

/** A short text that a node matches, as far as one can say without looking at what is around it. */
function sample(node: Node): string {
  switch (node.kind) {
    case "character":
      return CANDIDATES.find((candidate) => node.matches(candidate)) ?? "";
    case "sequence":
      return node.nodes.map(sample).join("");
    case "choice":
      return sample(node.nodes[0] as Node);
    case "repeat":
      return sample(node.node).repeat(Math.min(Math.max(1, node.min), 4));
    case "group":
      return sample(node.node);
    default:
      return "";
  }
}

/** What is matched before each repetition without a bound. */
function pathsToRepetitions(node: Node, before: string): string[] {
  if (node.kind === "repeat" && node.max > 100) return [before, ...pathsToRepetitions(node.node, before)];
  if (node.kind !== "sequence") return childrenOf(node).flatMap((child) => pathsToRepetitions(child, before));
  let path = before;
  return node.nodes.flatMap((child) => {
    const paths = pathsToRepetitions(child, path);
    path += sample(child);
    return paths;
  });
}
