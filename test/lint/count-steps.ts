import type { Node } from "./parse-expression.ts";

type Next = (at: number) => boolean;

class TooManySteps extends Error {}

/**
 * How many characters a backtracking matcher, such as V8's, looks at until it has searched `text` for `expression`;
 * `max` where it would be more.
 *
 * @param everywhere all matches, as `replace` with the flag g looks for, rather than the first
 */
export function countSteps(
  expression: Node,
  text: string,
  { flags, everywhere, max }: { readonly flags: string; readonly everywhere: boolean; readonly max: number },
): number {
  let steps = 0;
  const groups: (string | undefined)[] = [];
  const isLineStart = (at: number) => at === 0 || (flags.includes("m") && text[at - 1] === "\n");
  const isLineEnd = (at: number) => at === text.length || (flags.includes("m") && text[at] === "\n");
  const isWord = (at: number) => /\w/.test(text[at] ?? "");
  const step = () => {
    steps += 1;
    if (steps >= max) throw new TooManySteps();
    return true;
  };

  const run = (node: Node, at: number, next: Next): boolean => {
    switch (node.kind) {
      case "character":
        return step() && at < text.length && node.matches(text[at] ?? "") && next(at + 1);
      case "sequence":
        return runAll(node.nodes, 0, at, next);
      case "choice":
        return node.nodes.some((one) => run(one, at, next));
      case "repeat":
        return repeat(node, 0, at, next);
      case "group":
        return run(node.node, at, (end) => {
          const before = groups[node.index];
          groups[node.index] = text.slice(at, end);
          if (next(end)) return true;
          groups[node.index] = before;
          return false;
        });
      case "look": {
        const found = node.behind
          ? Array.from({ length: at + 1 }, (_, back) => at - back).some((from) =>
              run(node.node, from, (to) => to === at),
            )
          : run(node.node, at, () => true);
        return found !== node.negative && next(at);
      }
      case "start":
        return step() && isLineStart(at) && next(at);
      case "end":
        return step() && isLineEnd(at) && next(at);
      case "boundary":
        return step() && isWord(at - 1) !== isWord(at) && next(at);
      case "reference": {
        const wanted = groups[node.index] ?? "";
        return step() && text.startsWith(wanted, at) && next(at + wanted.length);
      }
    }
  };
  const runAll = (nodes: readonly Node[], index: number, at: number, next: Next): boolean => {
    const node = nodes[index];
    return node === undefined ? next(at) : run(node, at, (end) => runAll(nodes, index + 1, end, next));
  };
  const repeat = (node: Node & { kind: "repeat" }, count: number, at: number, next: Next): boolean => {
    const again = () =>
      count < node.max &&
      run(node.node, at, (end) => (end > at || count < node.min) && repeat(node, count + 1, end, next));
    if (count < node.min) return again();
    return node.lazy ? next(at) || again() : again() || next(at);
  };

  try {
    for (let from = 0; from <= text.length; ) {
      let end = -1;
      const found = run(expression, from, (at) => {
        end = at;
        return true;
      });
      if (found && !everywhere) break;
      from = found && end > from ? end : from + 1;
    }
  } catch (error) {
    if (!(error instanceof TooManySteps)) throw error;
  }
  return steps;
}
