import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { PluginType } from "../../src/domain/plugin.ts";
import type { PluginEntry } from "../../src/domain/plugin-entry.ts";
import { Baseline } from "../../src/engine/baseline.ts";
import { Layout } from "../../src/store/layout.ts";
import { test as base } from "../support/fixtures.ts";
import { testLog } from "../support/test-log.ts";

/** What waits for a restart of the engine, by what its process started with. */

const START = new Date("2026-11-26T10:00:00Z");
const later = (seconds: number) => new Date(START.getTime() + seconds * 1000);
const about = (startedAt: Date) => ({ version: "2.1.0", upTimeSeconds: 1, startedAt });

function entry(version: string, change: string, changedAt: Date): PluginEntry {
  const files = [{ path: `plugins/sources/Random@v${version}.so` as const, sha256: version }];
  return { version, soFile: `Random@v${version}.so`, files, change, changedAt: changedAt.toISOString() };
}

const test = base.extend("open", ({ folder }) => {
  const sources = new Map<string, PluginEntry>();
  const removed = new Map<string, string>();
  const installed = {
    entries: (type: PluginType) => (type === "sources" ? sources : new Map<string, PluginEntry>()),
    removedAt: ({ name }: { name: string }) => removed.get(name),
  };
  const open = async () => {
    await mkdir(join(folder, "plugins"), { recursive: true });
    return Baseline.open({ layout: new Layout(folder), installed, log: testLog().log });
  };
  return Object.assign(open, { sources, removed });
});

const changes = (baseline: Baseline) =>
  baseline.pending().map(({ name, change, from, to }) => [name, change, from?.version, to?.version]);

describe("what waits for a restart", () => {
  test("is nothing before the engine has answered", async ({ open }) => {
    open.sources.set("random", entry("1.0.0", "a", later(-5)));
    expect(changes(await open())).toEqual([]);
  });

  test("is what was changed after the start of its process", async ({ open }) => {
    open.sources.set("old", entry("1.0.0", "a", later(-5)));
    open.sources.set("random", entry("1.0.0", "b", later(5)));
    const baseline = await open();
    await baseline.observe(about(START));
    expect(changes(baseline)).toEqual([["random", "install", undefined, "1.0.0"]]);
    open.sources.set("old", entry("2.0.0", "c", later(6)));
    expect(changes(baseline)).toContainEqual(["old", "update", "1.0.0", "2.0.0"]);
    open.sources.delete("old");
    expect(changes(baseline)).toContainEqual(["old", "delete", "1.0.0", undefined]);
  });

  test("is the same after a restart of this server", async ({ open }) => {
    open.sources.set("gone", entry("1.0.0", "a", later(-5)));
    await (await open()).observe(about(START));
    open.sources.delete("gone");
    open.sources.set("random", entry("1.0.0", "b", later(5)));
    const again = await open();
    await again.observe(about(later(1)));
    expect(changes(again)).toEqual([
      ["random", "install", undefined, "1.0.0"],
      ["gone", "delete", "1.0.0", undefined],
    ]);
  });

  test("is nothing after a restart of the engine, but for what came after that", async ({ open }) => {
    const baseline = await open();
    open.sources.set("random", entry("1.0.0", "a", later(-5)));
    await baseline.observe(about(START));
    open.sources.set("random", entry("2.0.0", "b", later(5)));
    expect(await baseline.observe(about(later(10)))).toBe(true);
    expect(changes(baseline)).toEqual([]);
    open.sources.set("random", entry("3.0.0", "c", later(25)));
    await baseline.observe(about(later(20)));
    expect(changes(baseline)).toEqual([["random", "update", "2.0.0", "3.0.0"]]);
    open.sources.delete("random");
    open.removed.set("random", later(35).toISOString());
    await baseline.observe(about(later(30)));
    expect(changes(baseline)).toEqual([["random", "delete", "2.0.0", undefined]]);
    await baseline.observe(about(later(40)));
    expect(changes(baseline)).toEqual([]);
  });

  test("is not a version that came back before the restart", async ({ open }) => {
    const baseline = await open();
    open.sources.set("random", entry("1.0.0", "a", later(-5)));
    await baseline.observe(about(START));
    open.sources.set("random", entry("2.0.0", "b", later(5)));
    open.sources.set("random", entry("1.0.0", "c", later(6)));
    expect(changes(baseline)).toEqual([]);
  });

  test("is not what the process was handed", async ({ open }) => {
    const baseline = await open();
    await baseline.observe(about(START));
    const installed = entry("1.0.0", "a", later(5));
    open.sources.set("random", installed);
    await baseline.loaded({ type: "sources", name: "random" }, installed);
    expect(changes(baseline)).toEqual([]);
  });
});
