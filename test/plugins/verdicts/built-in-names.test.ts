import { expect, it } from "vitest";
import type { Compatibility } from "../../../src/domain/compatibility.ts";
import type { PluginType } from "../../../src/domain/plugin.ts";
import { withBuiltInName } from "../../../src/plugins/verdicts/built-in-names.ts";

const FINE: Compatibility = { verdict: "compatible", problems: [] };
const LATER = "github.com/lf-edge/ekuiper/v2";

const judged = (type: PluginType, name: string, engineModule?: string, functions?: string[]) =>
  withBuiltInName({ type, name }, { ...(functions && { functions }) }, FINE, engineModule);

it.each([
  ["sources", "httppull", undefined, undefined, "incompatible"],
  ["sources", "mqtt", "github.com/emqx/kuiper", undefined, "incompatible"],
  ["sinks", "logToMemory", LATER, undefined, "incompatible"],
  ["functions", "avg", undefined, undefined, "incompatible"],
  ["functions", "mine", undefined, ["mine", "Count"], "incompatible"],
  ["sinks", "file", LATER, undefined, "unknown"],
  ["sources", "simulator", "github.com/lf-edge/ekuiper", undefined, "unknown"],
] as const)("%s %s is built in, with %s, functions %s: %s", (type, name, engine, functions, verdict) => {
  const { problems, ...found } = judged(type, name, engine, functions && [...functions]);
  expect(found.verdict).toBe(verdict);
  expect(problems).toEqual([{ code: "BUILT_IN_NAME", message: expect.stringContaining("under another name") }]);
});

it.each([
  ["sources", "random", LATER, undefined],
  ["sinks", "file", "github.com/emqx/kuiper", undefined],
  ["sinks", "file", undefined, undefined],
  ["sources", "rest", LATER, undefined],
  ["functions", "echo", LATER, ["echo"]],
  ["functions", "avg", LATER, ["mine"]],
] as const)("%s %s with %s, functions %s is a plugin's own name", (type, name, engine, functions) => {
  expect(judged(type, name, engine, functions && [...functions])).toEqual(FINE);
});

it("keeps a worse verdict, and the problems before it", () => {
  const own: Compatibility = { verdict: "incompatible", problems: [{ code: "NOT_ELF", message: "no program" }] };
  const { verdict, problems } = withBuiltInName({ type: "sinks", name: "file" }, {}, own, LATER);
  expect([verdict, ...problems.map(({ code }) => code)]).toEqual(["incompatible", "NOT_ELF", "BUILT_IN_NAME"]);
});
