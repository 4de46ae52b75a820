import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";
import { attackStrings, nodesIn } from "./attack-strings.ts";
import { countSteps } from "./count-steps.ts";
import { parseExpression } from "./parse-expression.ts";

/*
 * No regular expression of src/ may backtrack so much that a longer text takes more than proportionally longer: all text
 * comes from outside in the end. The steps are counted, not timed.
 */

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

interface Expression {
  readonly place: string;
  readonly source: string;
  readonly flags: string;
}

/** The literals, and the strings that TypeBox makes expressions of. */
function expressionsIn(file: string): { found: Expression[]; made: string[] } {
  const name = relative(ROOT, file);
  const tree = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const found: Expression[] = [];
  const made: string[] = [];
  const visit = (node: ts.Node): void => {
    const place = `${name}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf("/");
      found.push({ place, source: node.text.slice(1, end), flags: node.text.slice(end + 1) });
    } else if (ts.isNewExpression(node) && node.expression.getText() === "RegExp") made.push(place);
    const pattern =
      ts.isPropertyAssignment(node) && node.name.getText() === "pattern"
        ? node.initializer
        : ts.isCallExpression(node) && node.expression.getText() === "stringLike"
          ? node.arguments[0]
          : undefined;
    if (pattern !== undefined && ts.isStringLiteral(pattern)) found.push({ place, source: pattern.text, flags: "" });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { found, made };
}

const files = readdirSync(`${ROOT}src`, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => `${ROOT}src/${file}`);
const expressions = files.flatMap((file) => expressionsIn(file).found);

/** Characters. */
const SHORT = 48;
const LONG = 4 * SHORT;
/** Four times the text may take four times the steps, and some more for what is tried once. */
const MAX_RATIO = 6;
const SOME = 300;

/** The text on which the steps grow faster than its length, or undefined. */
function superlinearText({ source, flags }: Pick<Expression, "source" | "flags">): string | undefined {
  const node = parseExpression(source, flags);
  if (!nodesIn(node).some((one) => one.kind === "repeat" && one.max === Number.POSITIVE_INFINITY)) return undefined;
  for (const { prefix, pump, suffix } of attackStrings(node)) {
    const steps = (length: number, max: number) => {
      const text = prefix + pump.repeat(Math.ceil(length / pump.length)) + suffix;
      return countSteps(node, text, { flags, everywhere: flags.includes("g"), max });
    };
    const short = steps(SHORT, 1_000_000);
    const max = MAX_RATIO * short + SOME;
    if (steps(LONG, max) >= max) return `${prefix}${pump.repeat(3)}…${suffix}`;
  }
  return undefined;
}

it("finds all expressions", () => {
  expect(expressions.length).toBeGreaterThan(60);
  // An expression that is put together: of the paths of our own routes.
  const made = files.flatMap((file) => expressionsIn(file).made).map((place) => place.replace(/:\d+$/, ""));
  expect(made).toEqual(["src/http/hooks/unknown-routes.ts"]);
});

it.each([
  ["spaces before another class", "^[A-Za-z0-9+/_\\s-]*={0,2}\\s*$", ""],
  ["a search in a look ahead", "^(?=.*(?::|\\/\\/).*@)((?:[a-z][a-z0-9+.-]*:)?[/\\\\]*).*@", "is"],
  ["what may begin anywhere", "\\/+$", ""],
  ["trimming", "^\\s+|\\s+$", "g"],
  ["nested repetitions", "^(?:a+)+$", ""],
  ["overlapping choices", "^(?:a|a?b|ab)*c$", ""],
  ["a lazy search", "<(.*?)>(.*?)!", ""],
])("knows a superlinear one: %s", (_, source, flags) => {
  expect(superlinearText({ source, flags })).toBeDefined();
});

it.each(expressions.map(({ place, source, flags }) => [place, source, flags] as const))(
  "%s is linear: /%s/%s",
  (_, source, flags) => {
    expect(superlinearText({ source, flags })).toBeUndefined();
  },
);
