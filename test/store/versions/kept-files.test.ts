import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { PluginId } from "../../../src/domain/plugin.ts";
import { Layout } from "../../../src/store/layout.ts";
import { KeptFiles } from "../../../src/store/versions/kept-files.ts";
import { seededRandom } from "../../support/plugin-zip.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { testLog, WARN } from "../../support/test-log.ts";
import {
  baseFolder,
  EXTRA,
  expectKeptAsRecorded,
  install,
  installed,
  keptTexts,
  RANDOM,
  remove,
  rollBack,
  SO,
  sha256Of,
  start,
  YAML,
} from "../kit.ts";

const CONTENT = { volume: "etc", sha256: sha256Of("text") } as const;

async function emptyKept(isComplete = true) {
  const layout = new Layout(await tempFolder());
  await mkdir(layout.volume("etc"));
  const { log, lines } = testLog();
  const kept = new KeptFiles({ layout, entries: () => [], isComplete, log });
  const source = { path: join(layout.base, "source"), isReplaced: false };
  await writeFile(source.path, "text");
  return { layout, kept, source, lines, file: kept.path(CONTENT) };
}

describe("a content", () => {
  it("is kept once, as long as somebody holds it", async () => {
    const { kept, source, file } = await emptyKept();
    kept.hold([CONTENT, CONTENT]);
    expect(await kept.put(CONTENT, source)).toBe(true);
    expect(await kept.put(CONTENT, undefined)).toBe(true);
    await kept.release([CONTENT]);
    expect(await readFile(file, "utf8")).toBe("text");
    await kept.release([CONTENT]);
    await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("is not kept where there is nothing to take it from", async () => {
    const { kept, file } = await emptyKept();
    kept.hold([CONTENT]);
    expect(await kept.put(CONTENT, undefined)).toBe(false);
    await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it.each(["", "else", "longer than before"])("takes the place of what is damaged: %j", async (damaged) => {
    const { layout, kept, source, file } = await emptyKept();
    kept.hold([CONTENT]);
    await mkdir(layout.versionsFolder("etc"));
    await writeFile(file, damaged);
    expect(await kept.put(CONTENT, undefined)).toBe(false);
    await kept.putDefault(CONTENT, source.path);
    expect(await kept.isWhole(CONTENT)).toBe(false); // a copy that costs next to nothing does not look
    expect(await kept.put(CONTENT, source)).toBe(true);
    expect(await kept.isWhole(CONTENT)).toBe(true);
  });

  it("is kept anew where what is kept has another name, under which somebody may edit it", async () => {
    const { layout, kept, source, file } = await emptyKept();
    kept.hold([CONTENT]);
    await mkdir(layout.versionsFolder("etc"));
    await writeFile(join(layout.base, "live"), "text");
    await link(join(layout.base, "live"), file);
    expect(await kept.put(CONTENT, source)).toBe(true);
    await writeFile(join(layout.base, "live"), "edited in place");
    expect(await kept.isWhole(CONTENT)).toBe(true);
    expect(await readdir(layout.versionsFolder("etc"))).toEqual([CONTENT.sha256]);
  });

  it("is linked where the change takes the other name away, also when it is linked already", async () => {
    const { layout, kept, source, file } = await emptyKept();
    kept.hold([CONTENT]);
    for (let times = 0; times < 2; times += 1) {
      expect(await kept.put(CONTENT, { ...source, isReplaced: true })).toBe(true);
      expect((await stat(file)).ino).toBe((await stat(source.path)).ino);
      expect(await readdir(layout.versionsFolder("etc"))).toEqual([CONTENT.sha256]);
    }
  });

  it("is there when it is released and needed at the same time, whoever comes first", async () => {
    const { kept, source } = await emptyKept();
    const need = () => {
      kept.hold([CONTENT]);
      return kept.put(CONTENT, source);
    };
    await need();
    for (let round = 0; round < 200; round += 1) {
      const release = () => kept.release([CONTENT]);
      const [first, second] = round % 2 === 0 ? [release, need] : [need, release];
      const running = first();
      if (round % 3 === 0) await new Promise(setImmediate); // not always at the same point
      await Promise.all([running, second()]);
      expect(await kept.isWhole(CONTENT), `round ${round}`).toBe(true);
    }
  });

  it("stays when somebody needs it before it is removed, though there is nothing left to take it from", async () => {
    const { kept, source } = await emptyKept();
    kept.hold([CONTENT]);
    await kept.put(CONTENT, source);
    const released = kept.release([CONTENT]);
    kept.hold([CONTENT]);
    expect(await kept.put(CONTENT, undefined)).toBe(true);
    await released;
    expect(await kept.isWhole(CONTENT)).toBe(true);
  });

  it("that can't be removed is left with a warning, and is no failure", async () => {
    const { layout, kept, file, lines } = await emptyKept();
    kept.hold([CONTENT]);
    await mkdir(join(file, "in-the-way"), { recursive: true });
    await kept.release([CONTENT]);
    expect(lines).toMatchObject([{ level: WARN }]);
    expect(await readdir(layout.versionsFolder("etc"))).toEqual([CONTENT.sha256]);
  });

  it("of a default that can't be kept is no failure", async () => {
    const { kept, lines, layout } = await emptyKept();
    await kept.putDefault(CONTENT, join(layout.base, "gone"));
    expect(lines).toMatchObject([{ level: WARN }]);
  });
});

const PLUGINS: PluginId[] = Array.from({ length: 6 }, (_, index) => ({ type: "sinks", name: `plugin${index}` }));

/** Version 0 to 3 of a plugin: the contents are the same for all of them. */
function versionOf({ name }: PluginId, version: number) {
  return {
    [`plugins/sinks/${name}@v${version}.so`]: `so ${version}`,
    [`etc/sinks/${name}.json`]: `json ${version % 2}`,
  };
}

it("plugins that have the same contents change side by side, and none takes them from another", async () => {
  const random = seededRandom(7);
  const layout = await baseFolder();
  const { store, lines } = await start(layout, 2);
  const expected = new Map<PluginId, object>();
  const change = async (id: PluginId) => {
    const entry = store.get(id);
    const choice = random();
    if (entry !== undefined && choice < 0.15) {
      expected.delete(id);
      return remove(store, id);
    }
    if (entry?.versions !== undefined && choice < 0.5) {
      const [previous] = entry.versions;
      expected.set(id, versionOf(id, Number(previous?.version)));
      return rollBack(store, id);
    }
    const version = Math.floor(random() * 4);
    expected.set(id, versionOf(id, version));
    return install(store, id, versionOf(id, version));
  };
  for (let round = 0; round < 40; round += 1) {
    await Promise.all(PLUGINS.map(change));
    expect(await installed(layout), `round ${round}`).toEqual(Object.assign({}, ...expected.values()));
    await expectKeptAsRecorded(layout, store);
  }
  expect(lines.filter(({ level }) => level >= WARN)).toEqual([]);

  for (const id of PLUGINS) if (store.get(id) !== undefined) await remove(store, id);
  expect([await keptTexts(layout, "plugins"), await keptTexts(layout, "etc")]).toEqual([[], []]);
});

describe("while a registry that was set aside may refer to it,", () => {
  const V1 = { [SO]: "so 1", [YAML]: "yaml 1" };
  const V2 = { "plugins/sources/Random@v2.0.0.so": "so 2", [YAML]: "yaml 2", [EXTRA]: "ca 2" };
  const V3 = { "plugins/sources/Random@v3.0.0.so": "so 3" };

  async function withTornRegistry() {
    const layout = await baseFolder();
    const { store } = await start(layout, 1);
    await install(store, RANDOM, V1);
    await install(store, RANDOM, V2);
    const whole = await readFile(layout.registryFile);
    await writeFile(layout.registryFile, whole.subarray(0, 100));
    return { layout, whole };
  }

  const setAside = async (layout: Layout) =>
    (await readdir(layout.volume("plugins"))).filter((name) => name.includes(".unreadable-"));

  it("nothing that is kept is removed, by a start or by a change; and what is there can be used again", async () => {
    const { layout, whole } = await withTornRegistry();
    const kept = ["so 1"];
    const { store, lines } = await start(layout, 1);
    expect(await keptTexts(layout, "plugins")).toEqual(kept);
    expect(lines.filter(({ msg }) => msg.includes("kept files that no plugin refers to are left"))).toHaveLength(2);

    // The plugin is adopted, so its next versions are kept beside the earlier ones.
    await install(store, RANDOM, V3);
    await install(store, RANDOM, V1);
    await rollBack(store, RANDOM);
    await remove(store, RANDOM);
    expect(await keptTexts(layout, "plugins")).toEqual(["so 1", "so 2", "so 3"]);
    expect(await keptTexts(layout, "etc")).toEqual(expect.arrayContaining(["yaml 1", "yaml 2", "ca 2"]));

    const [name] = await setAside(layout);
    await rm(join(layout.volume("plugins"), name as string));
    await start(layout, 1);
    expect([await keptTexts(layout, "plugins"), await keptTexts(layout, "etc")]).toEqual([[], []]);
    expect(whole.length).toBeGreaterThan(100);
  });

  it("it is all there for whoever mends the registry", async () => {
    const { layout, whole } = await withTornRegistry();
    await start(layout, 1);
    await start(layout, 1);
    const [name] = await setAside(layout);
    await writeFile(join(layout.volume("plugins"), name as string), whole);
    await rename(join(layout.volume("plugins"), name as string), layout.registryFile);
    const { store } = await start(layout, 1);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(V1);
    await expectKeptAsRecorded(layout, store);
  });

  it("nor is it when the registry could not even be moved aside", async () => {
    const { layout, kept, lines } = await emptyKept(false);
    await mkdir(layout.versionsFolder("etc"));
    await writeFile(kept.path(CONTENT), "text");
    await kept.sweep();
    expect(await readFile(kept.path(CONTENT), "utf8")).toBe("text");
    expect(lines).toMatchObject([{ level: WARN, files: 1 }]);
  });
});

it("ten thousand plugins, each with a default that is kept, hold up a start by less than a second", async () => {
  const layout = await baseFolder();
  const names = Array.from({ length: 10_000 }, (_, index) => `plugin${index}`);
  const files = (name: string) => [
    { path: `plugins/sinks/${name}.so`, sha256: sha256Of(name), bytes: 1 },
    { path: `etc/sinks/${name}.json`, sha256: sha256Of(`${name} json`), bytes: 1 },
  ];
  const entries = names.map((name) => [name, { version: "", soFile: `${name}.so`, files: files(name) }]);
  const registry = { schema: 1, plugins: { sources: {}, sinks: Object.fromEntries(entries), functions: {} } };
  await start(layout);
  await mkdir(layout.versionsFolder("etc"));
  await writeFile(layout.registryFile, JSON.stringify(registry));
  await Promise.all(names.map((name) => writeFile(join(layout.soFolder("sinks"), `${name}.so`), "")));
  const began = performance.now();
  await start(layout, 2);
  const without = performance.now() - began;
  await Promise.all(names.map((name) => writeFile(layout.keptFile("etc", sha256Of(`${name} json`)), "")));
  const again = performance.now();
  const { store, lines } = await start(layout, 2);
  expect(performance.now() - again - without).toBeLessThan(1000);
  expect(lines).toEqual([]);
  expect(store.count()).toBe(10_000);
  expect(await readdir(layout.versionsFolder("etc"))).toHaveLength(10_000);
});
