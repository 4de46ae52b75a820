import { describe, expect, it } from "vitest";
import type { PluginType } from "../../src/domain/plugin.ts";
import { blames } from "../../src/engine/state/blame.ts";

/** Whether the words of a rule that stopped are about a plugin. The words are those of real engines. */

const blamed = (words: string, type: PluginType, isListed: boolean, name = "random", names = [name]) =>
  blames(words, { id: { type, name }, names }, isListed);

describe("the words of a rule that stopped", () => {
  for (const [words, type] of [
    ["source type random not found", "sources"],
    ["fail to get lookup source type random not found", "sources"],
    ["sink random is not defined", "sinks"],
    ["function random not found", "functions"],
  ] as const) {
    it(`blame a plugin that the engine does not list: ${words}`, () => {
      expect(blamed(words, type, false)).toBe(true);
      expect(blamed(words, type, true)).toBe(false); // they can be older than its install
      expect(blamed(words, type, false, "other")).toBe(false);
      const other = (["sources", "sinks", "functions"] as const).find((one) => one !== type) as PluginType;
      expect(blamed(words, other, false)).toBe(false);
    });
  }

  for (const words of [
    "cannot find .so file for plugin random",
    "exported symbol Random is not type of api.Source or function that return api.Source",
    "cannot find symbol Random, please check if it is exported",
    'cannot open /kuiper/plugins/sources/Random@v1.so: plugin.Open("Random"): plugin was built with a different version of package x',
  ]) {
    it(`blame a plugin that the engine lists: ${words}`, () => {
      expect(blamed(words, "sources", true)).toBe(true);
      expect(blamed(words, "sources", true, "rand")).toBe(false);
    });
  }

  it("blame the plugin of a function", () => {
    expect(blamed("function f2 not found", "functions", false, "image", ["f1", "f2"])).toBe(true);
  });

  it("blame nobody where they are about something else", () => {
    for (const words of ["canceled manually or by error.", "random error: connection refused", ""]) {
      expect(blamed(words, "sources", false)).toBe(false);
    }
  });
});
