import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
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
    entries: (type: PluginType) => new Map(type === "sources" ? sources : []), // as the registry: new for each change
    removedAt: ({ name }: { name: string }) => removed.get(name),
  };
  const open = async () => {
    await mkdir(join(folder, "plugins"), { recursive: true });
    return Baseline.open({ layout: new Layout(folder), installed, log: testLog().log });
  };
  return Object.assign(open, { sources, removed });
});

/** The baseline's file as another wrote it. */
async function writeFileOf(folder: string, text: string) {
  const { engineFolder, baselineFile } = new Layout(folder);
  await mkdir(engineFolder, { recursive: true });
  await writeFile(baselineFile, text);
}

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

  test("is not what the process before had, although a clock was wrong when it was changed", async ({ open }) => {
    const baseline = await open();
    await baseline.observe(about(START));
    open.sources.set("random", entry("1.0.0", "a", later(1_000_000)));
    expect(changes(baseline)).toEqual([["random", "install", undefined, "1.0.0"]]);
    await baseline.observe(about(START)); // it still runs after the change, so the next one starts after it
    await baseline.observe(about(later(100)));
    expect(changes(baseline)).toEqual([]);
  });

  test("is what came after the question, not after the answer", async ({ open }) => {
    const baseline = await open();
    open.sources.set("random", entry("1.0.0", "a", later(-5)));
    await baseline.observe(about(START));
    open.sources.set("random", entry("2.0.0", "b", later(5)));
    const asked = baseline.installed();
    open.sources.set("random", entry("1.0.0", "c", later(25))); // a rollback, while the engine was asked
    await baseline.observe(about(later(20)), asked);
    expect(changes(baseline)).toEqual([["random", "update", "2.0.0", "1.0.0"]]);
  });

  test("is a version that came back after a restart that nobody saw", async ({ open }) => {
    const baseline = await open();
    open.sources.set("random", entry("1.0.0", "a", later(-5)));
    await baseline.observe(about(START));
    open.sources.set("random", entry("2.0.0", "b", later(5)));
    // The engine starts again at 20, with 2.0.0, and is asked for the first time after the rollback.
    open.sources.set("random", entry("1.0.0", "c", later(25)));
    await baseline.observe(about(later(20)));
    expect(changes(baseline)).toEqual([["random", "update", "1.0.0", "1.0.0"]]);
  });

  test("is the same after an answer that took long", async ({ open }) => {
    const baseline = await open();
    await baseline.observe({ ...about(later(-9)), tookMs: 9000 }); // it may have started at any time until START
    open.sources.set("random", entry("1.0.0", "a", later(5)));
    expect(await baseline.observe(about(START))).toBe(false);
    expect(await baseline.observe({ ...about(later(-19)), tookMs: 19_000 })).toBe(false);
    expect(changes(baseline)).toEqual([["random", "install", undefined, "1.0.0"]]);
  });

  test("is nothing where the clock was set back since the file was written", async ({ open }) => {
    open.sources.set("random", entry("1.0.0", "a", later(-5)));
    await (await open()).observe(about(later(1_000_000)));
    open.sources.set("random", entry("2.0.0", "b", later(-1)));
    const again = await open();
    expect(await again.observe(about(START))).toBe(true);
    expect(changes(again)).toEqual([]);
  });

  test("is not asked of the engine's list again for a plugin that was deleted and installed as before", async ({
    open,
  }) => {
    const baseline = await open();
    open.sources.set("random", entry("1.0.0", "a", later(-5)));
    await baseline.observe(about(START));
    open.sources.delete("random");
    expect(changes(baseline)).toEqual([["random", "delete", "1.0.0", undefined]]);
    open.sources.set("random", entry("1.0.0", "b", later(6)));
    expect(changes(baseline)).toEqual([]);
    open.sources.set("random", entry("2.0.0", "c", later(7)));
    open.sources.set("random", entry("3.0.0", "d", later(8)));
    expect(changes(baseline)).toEqual([["random", "update", "1.0.0", "3.0.0"]]);
  });
});

describe("the file of what the engine started with", () => {
  for (const [what, text] of [
    ["is cut off", '{"schema":1,"engine":{"version":"2.1.0"'],
    ["has no time", '{"schema":1,"engine":{"version":"2.1.0","startedAt":"soon"},"plugins":{}}'],
    ["has a list of plugins", '{"schema":1,"engine":{"version":"2.1.0","startedAt":"2026-11-26"},"plugins":[1]}'],
    ["is of a later schema", '{"schema":2,"engine":{"version":"2.1.0","startedAt":"2026-11-26"},"plugins":{}}'],
    ["is huge", " ".repeat(17 * 1024 * 1024)],
  ] as const) {
    test(`is made anew where it ${what}`, async ({ open, folder }) => {
      await writeFileOf(folder, text);
      open.sources.set("random", entry("1.0.0", "a", later(5)));
      const baseline = await open();
      expect(await baseline.observe(about(START))).toBe(true);
      expect(changes(baseline)).toEqual([["random", "install", undefined, "1.0.0"]]);
      const written = JSON.parse(await readFile(new Layout(folder).baselineFile, "utf8"));
      expect(written.engine.startedAt).toBe(START.toISOString());
    });
  }

  test("is made anew where it is a FIFO", async ({ open, folder }) => {
    await mkdir(new Layout(folder).engineFolder, { recursive: true });
    await promisify(execFile)("mkfifo", [new Layout(folder).baselineFile]);
    const baseline = await open();
    await baseline.observe(about(START));
    expect(JSON.parse(await readFile(new Layout(folder).baselineFile, "utf8")).schema).toBe(1);
  });

  test("may have plugins of any name", async ({ open, folder }) => {
    const known = '{"version":"1","id":"x"}';
    const plugins = `{"__proto__":${known},"sources/__proto__":${known},"nothing/x":${known}}`;
    const engine = `{"version":"2.1.0","startedAt":"${START.toISOString()}"}`;
    await writeFileOf(folder, `{"schema":1,"engine":${engine},"plugins":${plugins}}`);
    const baseline = await open();
    await baseline.observe(about(START));
    expect(changes(baseline)).toEqual([["__proto__", "delete", "1", undefined]]);
  });
});
