import { chmod, chown, mkdir, readdir, readFile, rename, rm, rmdir, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { PluginEntry } from "../../../src/domain/plugin-entry.ts";
import { Registry } from "../../../src/store/registry/registry.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { ERROR, testLog } from "../../support/test-log.ts";
import { readTree, writeTree } from "../../support/tree.ts";
import { NOBODY, withoutRoot } from "../../support/without-root.ts";

const BESIDE = { path: "etc/sources/random.yaml.new", sha256: "ef", defaultOf: "etc/sources/random.yaml" } as const;

const ENTRY: PluginEntry = {
  version: "1.0.0",
  soFile: "Random@v1.0.0.so",
  files: [
    { path: "plugins/sources/Random@v1.0.0.so", sha256: "ab", bytes: 3 },
    { path: "etc/sources/random.yaml" },
    BESIDE,
  ],
  functions: ["f"],
  origin: "http://h/random.zip",
  sha256: "cd",
  bytes: 5,
  installedAt: "2026-01-01T00:00:00.000Z",
  change: "1-2-3",
  versions: [
    {
      id: "0123456789ab",
      version: "0.9",
      soFile: "Random@v0.9.so",
      files: [{ path: "plugins/sources/Random@v0.9.so", sha256: "0".repeat(64) }, { path: "etc/sources/random.yaml" }],
    },
  ],
};

/** The same for a plugin of another name: a registry names no files of others. */
const entryOf = (name: string): PluginEntry =>
  JSON.parse(JSON.stringify(ENTRY), (_, value) =>
    typeof value === "string" ? value.replace(/[Rr]andom/g, () => name) : value,
  );

const source = (name: string) => ({ type: "sources", name }) as const;

async function openNew(): Promise<{ file: string; registry: Registry; lines: ReturnType<typeof testLog>["lines"] }> {
  const file = join(await tempFolder(), "registry.json");
  const { log, lines } = testLog();
  return { file, registry: await Registry.open(file, log), lines };
}

const reopen = (file: string) => Registry.open(file, testLog().log);

it("is empty where there is no file, and makes none by being read", async () => {
  const { file, registry, lines } = await openNew();
  expect(registry.names("sources")).toEqual([]);
  expect(registry.get(source("random"))).toBeUndefined();
  expect(lines).toEqual([]);
  await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
  expect(registry.isOnlyOne).toBe(true);
});

it("gives back after a restart what was put in, field by field", async () => {
  const { file, registry } = await openNew();
  await registry.update({ id: source("random"), entry: ENTRY }, { id: { type: "sinks", name: "file" }, entry: ENTRY });
  const again = await reopen(file);
  expect(again.get(source("random"))).toEqual(ENTRY);
  expect(again.names("sinks")).toEqual(["file"]);
  expect(again.names("functions")).toEqual([]);
  await again.update({ id: source("random"), entry: null });
  expect((await reopen(file)).names("sources")).toEqual([]);
});

it.each(["__proto__", "constructor", "toString", "größe", "a\nb", "10", "a b"])(
  "keeps a plugin of the name %j, as a hand-copied one can have it",
  async (name) => {
    const { file, registry } = await openNew();
    const entry = entryOf(name);
    await registry.update({ id: source(name), entry }, { id: source("x"), entry: ENTRY });
    const again = await reopen(file);
    expect(again.get(source(name))).toEqual(entry);
    expect(again.names("sources")).toEqual([name, "x"].sort());
  },
);

it("sorts names, and gives the same frozen array until a plugin of any type changes", async () => {
  const { registry } = await openNew();
  await registry.update(...["b", "a", "B", "a1"].map((name) => ({ id: source(name), entry: ENTRY })));
  const names = registry.names("sources");
  expect(names).toEqual(["B", "a", "a1", "b"]);
  expect(registry.names("sources")).toBe(names);
  expect(Object.isFrozen(names)).toBe(true);
  await registry.update({ id: source("c"), entry: ENTRY });
  expect(registry.names("sources")).toEqual(["B", "a", "a1", "b", "c"]);
});

describe("a write", () => {
  it("is shown by memory only after it is on the disk", async () => {
    const { file, registry } = await openNew();
    const written = registry.update({ id: source("random"), entry: ENTRY });
    expect(registry.names("sources")).toEqual([]);
    await written;
    expect(registry.names("sources")).toEqual(["random"]);
    expect(JSON.parse(await readFile(file, "utf8")).plugins.sources).toHaveProperty("random");
  });

  it("is shared by the updates that came during the one before", async () => {
    const { file, registry } = await openNew();
    const names = Array.from({ length: 500 }, (_, index) => `plugin${index}`);
    const writes = new Set<number>();
    await Promise.all(
      names.map(async (name) => {
        await registry.update({ id: source(name), entry: ENTRY });
        expect(registry.get(source(name))).toEqual(ENTRY);
        writes.add((await stat(file)).mtimeMs);
      }),
    );
    expect(writes.size).toBeLessThanOrEqual(2);
    expect((await reopen(file)).names("sources")).toEqual(names.sort());
    expect(await readdir(join(file, ".."))).toEqual(["registry.json"]);
  });

  it("that fails rejects every update in it and changes nothing; the next one works", async () => {
    const { file, registry } = await openNew();
    await registry.update({ id: source("kept"), entry: ENTRY });
    await rename(file, `${file}.away`);
    await mkdir(file); // a folder in its place can't be replaced by a file

    const updates = ["a", "b", "c"].map((name) => registry.update({ id: source(name), entry: ENTRY }));
    const removal = registry.update({ id: source("kept"), entry: null });
    for (const result of [...updates, removal]) await expect(result).rejects.toMatchObject({ code: "EISDIR" });
    expect(registry.names("sources")).toEqual(["kept"]);
    expect(await readdir(join(file, ".."))).toEqual(["registry.json", "registry.json.away"]);

    await rmdir(file);
    await registry.update({ id: source("d"), entry: ENTRY });
    expect((await reopen(file)).names("sources")).toEqual(["d", "kept"]);
  });

  it("that fails after the file was replaced puts the old one back", async () => {
    const { file, registry } = await openNew();
    await registry.update({ id: source("kept"), entry: ENTRY });
    const before = await readFile(file, "utf8");
    await chmod(join(file, ".."), 0o333); // names can be made and replaced, but the folder can't be opened to be synced
    if (process.getuid?.() === 0) await chown(join(file, ".."), NOBODY, NOBODY);
    await withoutRoot(() =>
      expect(registry.update({ id: source("a"), entry: ENTRY })).rejects.toMatchObject({ code: "EACCES" }),
    );
    await chmod(join(file, ".."), 0o755);
    expect(registry.names("sources")).toEqual(["kept"]);
    expect(await readFile(file, "utf8")).toBe(before);
  });

  it("is refused where the file could not be read again, and the one that is there stays", async () => {
    const folder = await tempFolder();
    const file = join(folder, "registry.json");
    const first = { id: { type: "sources", name: "random" }, entry: ENTRY } as const;
    const { log } = testLog();
    await (await Registry.open(file, log)).update(first);
    const text = await readFile(file, "utf8");
    const registry = await Registry.open(file, log, Buffer.byteLength(text));
    const second = { id: { type: "sources", name: "other" }, entry: entryOf("other") } as const;
    await expect(registry.update(second)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(await readFile(file, "utf8")).toBe(text);
    expect(await readdir(folder)).toEqual(["registry.json"]);
    expect(registry.names("sources")).toEqual(["random"]);
    await registry.update({ id: first.id, entry: null });
    expect(registry.names("sources")).toEqual([]);
  });

  it("fails when the folder has vanished", async () => {
    const { file, registry } = await openNew();
    await rm(join(file, ".."), { recursive: true });
    await expect(registry.update({ id: source("a"), entry: ENTRY })).rejects.toMatchObject({ code: "ENOENT" });
    expect(registry.names("sources")).toEqual([]);
  });
});

describe("an update of an entry that must still be the same", () => {
  const refreshed: PluginEntry = { ...ENTRY, functions: ["refreshed"] };
  const replaced: PluginEntry = { ...ENTRY, version: "2.0.0" };

  async function withRandom() {
    const { file, registry } = await openNew();
    await registry.update({ id: source("random"), entry: ENTRY }, { id: source("other"), entry: ENTRY });
    return { file, registry, from: registry.get(source("random")) as PluginEntry };
  }

  it("sets it, in memory and on the disk", async () => {
    const { file, registry, from } = await withRandom();
    await registry.update({ id: source("random"), entry: refreshed, from });
    expect(registry.get(source("random"))).toBe(refreshed);
    expect((await reopen(file)).get(source("random"))).toEqual(refreshed);
  });

  it.each([
    ["before it was ordered", true],
    ["while the change is being written", false],
  ])("does nothing when a change came %s, not even to others of the same order", async (_, waits) => {
    const { file, registry, from } = await withRandom();
    const change = registry.update({ id: source("random"), entry: replaced });
    if (waits) await change;
    const late = { id: source("random"), entry: refreshed, from };
    await registry.update(late, { id: source("other"), entry: refreshed, from });
    await change;
    expect(registry.get(source("random"))).toBe(replaced);
    expect(registry.get(source("other"))).toBe(refreshed);
    expect((await reopen(file)).get(source("random"))).toEqual(replaced);
  });

  it("does nothing when the plugin was deleted meanwhile", async () => {
    const { file, registry, from } = await withRandom();
    const removal = registry.update({ id: source("random"), entry: null });
    await registry.update({ id: source("random"), entry: refreshed, from });
    await removal;
    expect(registry.names("sources")).toEqual(["other"]);
    expect((await reopen(file)).names("sources")).toEqual(["other"]);
  });
});

describe("adopt", () => {
  it("is shown at once, and written", async () => {
    const { file, registry } = await openNew();
    const written = registry.adopt([{ id: source("random"), entry: ENTRY }], testLog().log);
    expect(registry.names("sources")).toEqual(["random"]);
    await written;
    expect((await reopen(file)).names("sources")).toEqual(["random"]);
  });

  it("is shown even when it can't be written, and written with the next change", async () => {
    const { file, registry } = await openNew();
    const { log, lines } = testLog();
    await mkdir(file);
    await registry.adopt([{ id: source("random"), entry: ENTRY }], log);
    expect(registry.names("sources")).toEqual(["random"]);
    expect(lines).toMatchObject([{ level: ERROR, err: { code: "EISDIR" } }]);

    await rmdir(file);
    await registry.update({ id: source("next"), entry: ENTRY });
    expect((await reopen(file)).names("sources")).toEqual(["next", "random"]);
  });

  it("is not lost when another change is being written at that moment", async () => {
    const { file, registry } = await openNew();
    const update = registry.update({ id: source("a"), entry: ENTRY });
    const adopted = registry.adopt([{ id: source("b"), entry: ENTRY }], testLog().log);
    await update;
    expect(registry.names("sources")).toEqual(["a", "b"]);
    await adopted;
    expect((await reopen(file)).names("sources")).toEqual(["a", "b"]);
  });
});

it("is a text that people can read", async () => {
  const { file, registry } = await openNew();
  await registry.update({ id: source("random"), entry: { version: "", soFile: "random.so", files: [] } });
  expect(await readFile(file, "utf8")).toBe(`{
  "schema": 1,
  "plugins": {
    "sources": {
      "random": {"version":"","soFile":"random.so","files":[]}
    },
    "sinks": {},
    "functions": {}
  }
}
`);
});

describe("a registry that can't be used is set aside whole, and the server goes on with an empty one", () => {
  const withEntry = (entry: unknown, schema: unknown = 1) =>
    JSON.stringify({ schema, plugins: { sources: { random: entry }, sinks: {}, functions: {} } });
  const withPath = (path: string) => withEntry({ version: "1", soFile: "a.so", files: [{ path }] });

  const withVersion = (file: object) =>
    withEntry({ ...ENTRY, versions: [{ id: "a", version: "1", soFile: "a.so", files: [file] }] });

  it.each([
    ["empty", ""],
    ["torn", withEntry(ENTRY).slice(0, -20)],
    ["zeroes, as after a power cut", "\0".repeat(64)],
    ["not JSON", "plugins: []"],
    ["null", "null"],
    ["a list", "[]"],
    ["a text", '"registry"'],
    ["nested deeply", "[".repeat(100_000)],
    ["of a later schema", withEntry(ENTRY, 2)],
    ["of a text for a schema", withEntry(ENTRY, "1")],
    ["without plugins", '{"schema":1}'],
    ["without a type", '{"schema":1,"plugins":{"sources":{},"sinks":{}}}'],
    ["with null for an entry", withEntry(null)],
    ["with an entry without files", withEntry({ version: "1", soFile: "a.so" })],
    ["with a version that is a number", withEntry({ ...ENTRY, version: 1 })],
    ["with a .so's name that is a path", withEntry({ ...ENTRY, soFile: "../a.so" })],
    ["with no .so's name", withEntry({ ...ENTRY, soFile: "" })],
    ["with a file elsewhere", withPath("/etc/passwd")],
    ["with a file above", withPath("plugins/sources/../../../x")],
    ["with the configuration for a file", withPath("etc/kuiper.yaml")],
    ["with the registry for a file", withPath("plugins/registry.json")],
    ["with a NUL in a file", withPath("etc/sources/a\0b")],
    ["with a kept version elsewhere", withVersion({ path: "etc/sources/../../x" })],
    ["with a kept version's content elsewhere", withVersion({ path: "etc/sources/x.yaml", sha256: "../../x" })],
    [
      "with an odd name over a broken entry",
      '{"schema":1,"plugins":{"sources":{"a\\nb":5},"sinks":{},"functions":{}}}',
    ],
  ])("%s", async (_, text) => {
    const folder = await tempFolder();
    const file = join(folder, "registry.json");
    await writeFile(file, text);
    const { log, lines } = testLog();
    const registry = await Registry.open(file, log);

    expect(registry.names("sources")).toEqual([]);
    expect(registry.isOnlyOne).toBe(false);
    const [kept = "", ...others] = await readdir(folder);
    expect(others).toEqual([]);
    expect(kept).toMatch(/^registry\.json\.unreadable-/);
    expect(await readFile(join(folder, kept), "utf8")).toBe(text);
    expect(lines).toMatchObject([{ level: ERROR, file, kept: join(folder, kept) }]);

    await registry.update({ id: source("random"), entry: ENTRY });
    const again = await reopen(file);
    expect(again.get(source("random"))).toEqual(ENTRY);
    expect(again.isOnlyOne).toBe(false);
    await rm(join(folder, kept));
    expect((await reopen(file)).isOnlyOne).toBe(true);
  });

  it("one that is too large to be read, without reading it", async () => {
    const folder = await tempFolder();
    const file = join(folder, "registry.json");
    await writeFile(file, '{"schema":1');
    await truncate(file, 2 ** 40);
    const { log, lines } = testLog();
    const registry = await Registry.open(file, log);
    expect(registry.isOnlyOne).toBe(false);
    expect(lines).toMatchObject([{ level: ERROR, err: { message: "has more than 134217728 bytes" } }]);
    const [kept = "", ...others] = await readdir(folder);
    expect(others).toEqual([]);
    expect((await stat(join(folder, kept))).size).toBe(2 ** 40);
  });

  it("a folder", async () => {
    const folder = await tempFolder();
    await writeTree(folder, { "registry.json/inside": "kept" });
    const { log, lines } = testLog();
    const registry = await Registry.open(join(folder, "registry.json"), log);
    expect(registry.names("sources")).toEqual([]);
    expect(lines).toMatchObject([{ level: ERROR, err: { message: "it is not a file" } }]);
    expect(Object.values(await readTree(folder))).toContain("kept");
    await registry.update({ id: source("random"), entry: ENTRY });
  });

  it("one that can't even be moved", async () => {
    const file = join(await tempFolder(), "file");
    await writeFile(file, "");
    const { log, lines } = testLog();
    const registry = await Registry.open(join(file, "registry.json"), log);
    expect(registry.names("sources")).toEqual([]);
    expect(registry.isOnlyOne).toBe(false);
    expect(lines).toContainEqual(expect.objectContaining({ level: ERROR }));
  });
});

it("ignores fields that it does not know", async () => {
  const file = join(await tempFolder(), "registry.json");
  const entry = { ...entryOf("a"), later: true };
  await writeFile(
    file,
    JSON.stringify({ schema: 1, more: 1, plugins: { sources: { a: entry }, sinks: {}, functions: {} } }),
  );
  expect((await reopen(file)).get(source("a"))).toMatchObject(entryOf("a"));
});

it("drops what a write left that was cut off", async () => {
  const { file, registry } = await openNew();
  await registry.update({ id: source("a"), entry: ENTRY });
  await writeFile(`${file}.0123456789ab.tmp`, '{"schema":1,');
  expect((await reopen(file)).names("sources")).toEqual(["a"]);
  expect(await readdir(join(file, ".."))).toEqual(["registry.json"]);
});
