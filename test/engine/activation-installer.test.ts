import { expect, it } from "vitest";
import { archiveEntries, installerOf } from "../../src/engine/activation/installer.ts";
import { isFrom } from "../../src/engine/engine-version.ts";

/** What the engine's own installer asks of a zip, by its version. */

const SO = "plugins/sources/Random.so";
const YAML = "etc/sources/random.yaml";
const entries = (type: "sources" | "sinks", version: string, hasYaml = true) =>
  archiveEntries({ type, name: "random" }, "Random.so", hasYaml, installerOf(version));

it.each([
  ["1.0.2", [SO, YAML]],
  ["1.11.5", [SO, YAML]],
  ["1.12.0", [SO, SO]], // does not count a yaml that is there
  ["1.12.2", [SO, SO]],
  ["1.12.3", [SO, YAML]],
  ["2.2.0", [SO, YAML]],
  ["2.2.1", [SO, YAML, YAML]],
  ["v2.4.0", [SO, YAML, YAML]],
  ["", [SO, YAML, YAML]],
])("a source for %s", (version, expected) => expect(entries("sources", version)).toEqual(expected));

it("a source whose yaml is gone is counted by its .so", () => {
  expect(entries("sources", "1.8.0", false)).toEqual([SO, SO]);
  expect(entries("sources", "2.3.0", false)).toEqual([SO, SO, SO]);
});

it("a sink is its .so alone", () => expect(entries("sinks", "2.3.0")).toEqual(["plugins/sinks/Random.so"]));

it("versions are compared by their numbers", () => {
  expect(isFrom("1.10.0", 1, 9)).toBe(true);
  expect(isFrom("1.9.2", 1, 10)).toBe(false);
  expect(isFrom("v2.2.1-alpha.3", 2, 2, 1)).toBe(true);
  expect(isFrom("2.2", 2, 2, 1)).toBe(false);
  expect(isFrom("latest", 2, 4)).toBe(true);
});
