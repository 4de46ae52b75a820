import { describe, expect, it } from "vitest";
import { needsOf } from "../../src/engine/usage/rule-needs.ts";

/** What a rule needs, by its text. */

const TYPES: Readonly<Record<string, string>> = { demo: "random", "my-stream": "zmq", t: "sql" };
const needs = (rule: unknown) => {
  const found = needsOf(rule, (stream) => TYPES[stream]);
  return Object.fromEntries(Object.entries(found).map(([kind, names]) => [kind, [...names].sort()]));
};
const needsOfSql = (sql: string) => needs({ sql });

describe("a rule", () => {
  it("needs the types of its streams, its sinks and its functions", () => {
    const sql = "SELECT echo(temp), count(*) FROM demo LEFT JOIN t ON demo.id = t.id WHERE image.f( x ) > 1";
    expect(needs({ sql, actions: [{ log: {} }, { Influx: { addr: "x" } }] })).toEqual({
      sources: ["random", "sql"],
      sinks: ["influx", "log"],
      functions: ["count", "echo", "f"],
      streams: ["demo", "t"],
    });
  });

  it("may have a stream's name in backticks", () => {
    expect(needsOfSql("select * from `my-stream`").sources).toEqual(["zmq"]);
  });

  it("needs nothing that is in a string or a comment", () => {
    const sql = `SELECT "echo(1) from t", 'a(' -- it's echo(2)\n, f(1) /* g(1) " */, h(1) FROM demo`;
    expect(needsOfSql(sql)).toMatchObject({ functions: ["f", "h"], sources: ["random"] });
  });

  it("is read up to what is not closed", () => {
    for (const open of ['"', "'", "`", "/*", '"\\']) {
      expect(needsOfSql(`SELECT f(1) FROM demo ${open} g(1) from t`)).toMatchObject({
        functions: ["f"],
        sources: ["random"],
      });
    }
  });

  it("can be a graph", () => {
    const graph = {
      nodes: {
        a: { type: "source", nodeType: "zmq", props: { datasource: "x" } },
        b: { type: "source", nodeType: "mqtt", props: { sourceName: "demo" } },
        c: { type: "operator", nodeType: "function", props: { expr: "echo(x) as y" } },
        d: { type: "operator", nodeType: "switch", props: { cases: ["f(x) > 1", "x < g(1)"] } },
        e: { type: "sink", nodeType: "influx", props: {} },
      },
    };
    expect(needs({ id: "r", graph })).toEqual({
      sources: ["mqtt", "random", "zmq"],
      sinks: ["influx"],
      functions: ["echo", "f", "g"],
      streams: ["demo"],
    });
  });

  it("can be anything", () => {
    for (const rule of [
      null,
      1,
      "x",
      [],
      { sql: 1, actions: {}, graph: [] },
      { actions: [null, 1, []], graph: { nodes: { a: 1 } } },
    ]) {
      expect(needs(rule)).toEqual({ sources: [], sinks: [], functions: [], streams: [] });
    }
  });
});
