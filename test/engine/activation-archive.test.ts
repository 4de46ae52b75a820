import { existsSync } from "node:fs";
import { open, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { PluginArchive } from "../../src/engine/activation/plugin-archive.ts";
import { test } from "../support/fixtures.ts";
import { readZip } from "../support/read-zip.ts";

/** The zip that the engine gets. */

test("has its files under their names, twice where asked, and goes when it is disposed", async ({ folder }) => {
  const copy = join(folder, "0.copy");
  await writeFile(copy, "code", { mode: 0o755 });
  const one = { copy, path: "plugins/sources/Random@v1.0.0.so" };
  const archive = await PluginArchive.write(join(folder, "a.zip"), [one, one]);
  const entries = await readZip(await readFile(archive.path));
  expect(entries.map(({ name, data }) => [name, String(data)])).toEqual(Array(2).fill(["Random@v1.0.0.so", "code"]));
  expect((await stat(archive.path)).mode & 0o777).toBe(0o644);
  await archive[Symbol.asyncDispose]();
  expect(existsSync(archive.path)).toBe(false);
});

test("of a file that can't be read fails, and leaves nothing", async ({ folder }) => {
  const files = [{ copy: join(folder, "absent"), path: "plugins/sinks/A.so" }];
  await expect(PluginArchive.write(join(folder, "a.zip"), files)).rejects.toThrow("ENOENT");
  expect(existsSync(join(folder, "a.zip"))).toBe(false);
});

test("of a .so of 300 MB is written without having it in memory", async ({ folder }) => {
  const copy = join(folder, "0.copy");
  await writeFile(copy, "");
  await truncate(copy, 300 * 1024 * 1024); // a hole: no disk
  const peak = { bytes: 0 };
  const before = process.memoryUsage().rss;
  const timer = setInterval(() => {
    peak.bytes = Math.max(peak.bytes, process.memoryUsage().rss - before);
  }, 5);
  await using archive = await PluginArchive.write(join(folder, "a.zip"), [{ copy, path: "plugins/sinks/A.so" }]);
  clearInterval(timer);
  await using file = await open(archive.path);
  expect((await file.stat()).size).toBeGreaterThan(300 * 1024 * 1024);
  expect(peak.bytes).toBeLessThan(150 * 1024 * 1024);
});
