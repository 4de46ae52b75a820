import { beforeEach, describe, expect, test } from "vitest";
import { toLinkIdentity } from "../../../src/domain/compatibility.ts";
import type { PluginId, PluginType } from "../../../src/domain/plugin.ts";
import type { PluginEntry } from "../../../src/domain/plugin-entry.ts";
import { Clashes } from "../../../src/plugins/verdicts/clashes.ts";

/** As the registry: new maps for each change. */
let content: Record<PluginType, Map<string, PluginEntry>>;
let clashes: Clashes;
beforeEach(() => {
  content = { sources: new Map(), sinks: new Map(), functions: new Map() };
  clashes = new Clashes((type) => content[type]);
});

const identity = (pluginPath: string, packages: Record<string, string> = {}) =>
  toLinkIdentity(pluginPath, new Map(Object.entries(packages)));

function put(type: PluginType, name: string, ...[path, packages]: Parameters<typeof identity>): void {
  const compatibility = { verdict: "compatible", problems: [], basis: "", identity: identity(path, packages) } as const;
  content = {
    ...content,
    [type]: new Map(content[type]).set(name, { version: "", soFile: "x", files: [], compatibility }),
  };
}

function remove(type: PluginType, name: string): void {
  const entries = new Map(content[type]);
  entries.delete(name);
  content = { ...content, [type]: entries };
}

const idOf = (type: PluginType, name: string): PluginId => ({ type, name });
const codes = (id: PluginId) =>
  clashes.of(id, content[id.type].get(id.name)?.compatibility?.identity).map(({ code }) => code);
const ALPHA = idOf("functions", "alpha");

describe("an index that follows the registry", () => {
  test("through what comes, changes and goes", () => {
    put("functions", "alpha", "a", { lib: "11", other: "11" });
    expect(codes(ALPHA)).toEqual([]);
    put("sinks", "beta", "b", { lib: "22" });
    expect(codes(ALPHA)).toEqual(["PACKAGE_DIFFERS_FROM_PLUGIN"]);
    put("sinks", "beta", "a", { lib: "11" });
    expect(codes(ALPHA)).toEqual(["ALREADY_LOADED"]);
    put("sinks", "beta", "b", { lib: "11" });
    expect(codes(ALPHA)).toEqual([]);
    put("sinks", "gamma", "c", { other: "33" });
    remove("sinks", "beta");
    expect(codes(ALPHA)).toEqual(["PACKAGE_DIFFERS_FROM_PLUGIN"]);
    remove("sinks", "gamma");
    expect(codes(ALPHA)).toEqual([]);
  });

  test("a plugin of the same name and another type is another plugin", () => {
    put("functions", "alpha", "a");
    put("sinks", "alpha", "a");
    expect(codes(ALPHA)).toEqual(["ALREADY_LOADED"]);
  });
});

test("every package that differs is named, with the plugins that have it otherwise", () => {
  put("sinks", "beta", "b", { lib: "22", same: "11" });
  put("sources", "gamma", "c", { other: "33" });
  const [problem, ...more] = clashes.of(ALPHA, identity("a", { lib: "11", other: "11", same: "11", own: "11" }));
  expect(more).toEqual([]);
  expect(problem?.packages).toEqual(["lib", "other"]);
  expect(problem?.message).toMatch(/^packages lib and other differ from those in sinks\/beta and sources\/gamma: /);
});

test("paths are any string", () => {
  const path = "__proto__";
  put("sinks", "beta", "constructor", { [path]: "22", "a b": "1", "line\nbreak": "2" });
  const found = clashes.of(ALPHA, identity("constructor", { "a b": "2", "line\nbreak": "1" }));
  expect(found.map(({ packages }) => packages)).toEqual([undefined, ["a b", "line\\u000abreak"]]);
});

test("what is recorded has a bound", () => {
  const many = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`p${index}`, "0".repeat(80)]));
  expect(identity("a", many).packages).toHaveLength(2000);
  expect(identity("a", { p: "0".repeat(80) }).packages).toEqual([`${"0".repeat(16)} p`]);
  const long = { [`a${"x".repeat(200_000)}`]: "11", b: "11" };
  expect(JSON.stringify(identity("a", long)).length).toBeLessThan(140_000);
});

test("ten thousand plugins are indexed once, and a change costs little", () => {
  const packages = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`example.com/lib${index}`, "11"]));
  const entries = new Map<string, PluginEntry>();
  let indexed = 0;
  for (let index = 0; index < 10_000; index += 1) {
    const own = identity(`p${index}`, packages);
    const counted = {
      ...own,
      get packages() {
        indexed += 1;
        return own.packages;
      },
    };
    const compatibility = { verdict: "compatible", problems: [], basis: "", identity: counted } as const;
    entries.set(`f${index}`, { version: "", soFile: "x", files: [], compatibility });
  }
  content = { ...content, functions: entries };
  expect(clashes.of(idOf("functions", "f1"), identity("p1", packages))).toEqual([]);
  expect(indexed).toBe(10_000);
  for (let index = 0; index < 10; index += 1) {
    put("sinks", "beta", "b", { "example.com/lib0": String(index) });
    content = { ...content, functions: new Map(content.functions) };
    expect(codes(idOf("functions", "f1"))).toEqual(["PACKAGE_DIFFERS_FROM_PLUGIN"]);
  }
  expect(indexed).toBe(10_000 + 10); // each question reads those of the plugin that it is about
});
