import { expect, it } from "vitest";
import { PLUGIN_TYPES, pluginKey } from "../../src/domain/plugin.ts";

it("knows three types, in the order in which they are reported", () => {
  expect(PLUGIN_TYPES).toEqual(["sources", "sinks", "functions"]);
});

it("gives one name in two types two keys", () => {
  expect(pluginKey({ type: "sources", name: "file" })).toBe("sources/file");
  expect(pluginKey({ type: "sinks", name: "file" })).toBe("sinks/file");
});
