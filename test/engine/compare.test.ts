import { describe, expect, it } from "vitest";
import { wellIn, worseThan } from "../../src/engine/restart/compare.ts";

/** What is worse after a restart of the engine, by what it says before and after. */

type Plugins = Record<string, { isLoaded: boolean; version?: string; installed: string; reason?: string }>;

const snapshot = (rules: Record<string, string>, plugins: Plugins = {}) => ({
  rules: new Map(Object.entries(rules).map(([id, status]) => [id, { runs: /^running/i.test(status), status }])),
  plugins: new Map(Object.entries(plugins)),
});

const loaded = (version: string, installed = version) => ({ isLoaded: true, version, installed });
const missing = (reason = "") => ({ isLoaded: false, installed: "1.0.0", ...(reason && { reason }) });

const worse = (
  before: ReturnType<typeof snapshot>,
  after: ReturnType<typeof snapshot>,
  changed: readonly string[] = [],
) => worseThan(wellIn(before), after, new Set(changed)).map(({ kind, id, reason }) => `${kind} ${id}: ${reason}`);

describe("a rule that ran is worse", () => {
  it.each([
    ["Stopped: source type random not found", "rule r: Stopped: source type random not found"],
    ["stopped by error", "rule r: stopped by error"],
    ["Stopped: canceled manually or by error.", "rule r: Stopped: canceled manually or by error."],
    ["", "rule r: "],
  ])("with the status %s", (status, line) => {
    expect(worse(snapshot({ r: "Running" }), snapshot({ r: status }))).toEqual([line]);
  });

  it("when it is gone", () => {
    expect(worse(snapshot({ r: "running" }), snapshot({}))).toEqual([
      "rule r: the engine does not have the rule any more",
    ]);
  });
});

describe("a rule is not worse", () => {
  it.each([
    ["that runs again", "Running", "running"],
    ["that did not run", "Stopped: x", "Stopped: y"],
    ["that somebody has stopped", "Running", "Stopped: canceled manually."],
  ])("%s", (_, before, after) => {
    expect(worse(snapshot({ r: before }), snapshot({ r: after }))).toEqual([]);
  });
});

describe("a plugin is worse", () => {
  it("that was loaded and is not", () => {
    const before = snapshot({}, { "sinks/file": loaded("1.0.0") });
    expect(worse(before, snapshot({}, { "sinks/file": missing("not found") }))).toEqual([
      "plugin sinks/file: not found",
    ]);
    expect(worse(before, snapshot({}, { "sinks/file": missing() }))).toEqual([
      "plugin sinks/file: the engine has not loaded it",
    ]);
  });

  it("that was changed and is loaded in another version", () => {
    const after = snapshot({}, { "sinks/file": loaded("1.0.0", "2.0.0") });
    expect(worse(snapshot({}), after, ["sinks/file"])).toEqual([
      "plugin sinks/file: the engine has loaded version 1.0.0 of it, and version 2.0.0 is installed",
    ]);
  });
});

describe("a plugin is not worse", () => {
  it.each<[string, Plugins, Plugins, string[]]>([
    ["that was changed and is loaded", {}, { "sinks/a": loaded("2.0.0") }, ["sinks/a"]],
    ["whose version the engine does not say", {}, { "sinks/a": { isLoaded: true, installed: "2.0.0" } }, ["sinks/a"]],
    ["that was not loaded before, and was not changed", { "sinks/a": missing() }, { "sinks/a": missing() }, []],
    ["that is not installed any more", { "sinks/a": loaded("1.0.0") }, {}, ["sinks/a"]],
  ])("%s", (_, before, after, changed) => {
    expect(worse(snapshot({}, before), snapshot({}, after), changed)).toEqual([]);
  });
});
