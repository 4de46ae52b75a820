import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import { type PluginContents, pluginZip, realisticBinary, writePluginZip } from "./plugin-zip.ts";
import { readZip } from "./read-zip.ts";

async function namesIn(contents: PluginContents): Promise<string[]> {
  return (await readZip(pluginZip(contents))).map(({ name }) => name);
}

it("puts a source's .so and yaml into its zip", async () => {
  expect(await namesIn({ type: "sources", name: "random" })).toEqual(["Random@v1.0.0.so", "random.yaml"]);
});

it("puts in what it is given and leaves out what is null", async () => {
  const contents: PluginContents = {
    type: "sinks",
    name: "file",
    version: "",
    json: "{}",
    etc: { "a/b.txt": "b" },
    script: "exit 0",
    files: { "c.txt": "c" },
    extraEntries: [{ name: "d/" }],
  };
  expect(await namesIn(contents)).toEqual(["File.so", "file.json", "etc/a/b.txt", "install.sh", "c.txt", "d/"]);
  expect(await namesIn({ type: "sources", name: "random", soContent: null, yaml: null })).toEqual([]);
});

it("gives each version another .so", () => {
  const version = (version: string) => pluginZip({ type: "sinks", name: "file", version, soName: "File.so" });
  expect(version("1.0.0")).toEqual(version("1.0.0"));
  expect(version("1.0.0")).not.toEqual(version("1.0.1"));
});

it("writes the zip to a folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "plugin-zip-"));
  try {
    const contents: PluginContents = { type: "functions", name: "echo" };
    const path = await writePluginZip(folder, contents);
    expect(path).toBe(join(folder, "echo.zip"));
    expect(await readFile(path)).toEqual(pluginZip(contents));
  } finally {
    await rm(folder, { recursive: true });
  }
});

it.each([8_192, 100_000, 3_000_000])("makes %i bytes that deflate like a program's", (length) => {
  const binary = realisticBinary(length, 7);
  expect(binary).toHaveLength(length);
  expect(binary.equals(realisticBinary(length, 7))).toBe(true);
  expect(binary.equals(realisticBinary(length, 8))).toBe(false);
  const ratio = deflateRawSync(binary).length / length;
  expect(ratio).toBeGreaterThan(0.4);
  expect(ratio).toBeLessThan(0.5);
});
