import { rename, rm } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { PluginType } from "../../../src/domain/plugin.ts";
import { WARN } from "../../support/test-log.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import {
  baseFolder,
  EXTRA,
  expectKeptAsRecorded,
  filesOf,
  install,
  installed,
  keptTexts,
  RANDOM,
  remove,
  rollBack,
  SO,
  start,
  visible,
  YAML,
} from "../kit.ts";

const files = (...paths: string[]) => paths.map((path) => ({ path }));

describe("a plugin that was copied in by hand is adopted", () => {
  it.each<[string, Tree, PluginType, string, object]>([
    [
      "with a version",
      { "plugins/sinks/File@v1.2.so": "" },
      "sinks",
      "file",
      { version: "1.2", soFile: "File@v1.2.so" },
    ],
    ["without a version", { "plugins/functions/echo.so": "" }, "functions", "echo", { version: "", soFile: "echo.so" }],
    [
      "with the configuration of its name, and no other",
      { "plugins/sources/a.so": "", "etc/sources/a.yaml": "", "etc/sources/a.json": "", "etc/sources/ab.json": "" },
      "sources",
      "a",
      { files: files("plugins/sources/a.so", "etc/sources/a.yaml", "etc/sources/a.json") },
    ],
    [
      "as the last in byte order, of several",
      { "plugins/sources/A@v1.so": "", "plugins/sources/A.so": "", "plugins/sources/a.so": "" },
      "sources",
      "a",
      {
        version: "",
        soFile: "a.so",
        files: files(...["A.so", "A@v1.so", "a.so"].map((so) => `plugins/sources/${so}`)),
      },
    ],
    [
      "as the last in byte order, not the highest version",
      { "plugins/sources/A@v10.so": "", "plugins/sources/A@v9.so": "" },
      "sources",
      "a",
      { version: "9", soFile: "A@v9.so" },
    ],
    ["as a link to a .so", { "lib/x.so": "", "plugins/sources/a.so": "-> ../../lib/x.so" }, "sources", "a", {}],
    ["with a name that breaks the rule", { "plugins/sources/my plugin.so": "" }, "sources", "my plugin", {}],
    [
      "with a name of JavaScript's",
      { "plugins/sources/__proto__@v1.so": "" },
      "sources",
      "__proto__",
      { version: "1" },
    ],
  ])("%s", async (_, tree, type, name, entry) => {
    const layout = await baseFolder(tree);
    const { store } = await start(layout);
    expect(store.names(type)).toEqual([name]);
    expect(store.get({ type, name })).toMatchObject(entry);

    const again = await start(layout);
    expect(again.lines).toEqual([]);
    expect(again.store.get({ type, name })).toEqual(store.get({ type, name }));
  });
});

it.each<[string, Tree]>([
  ["a folder", { "plugins/sources/a.so/inside": "" }],
  ["a hidden file", { "plugins/sources/.a.so": "" }],
  ["a file that is no .so", { "plugins/sources/a.so.bak": "", "plugins/sources/README": "" }],
  ["a file without a name", { "plugins/sources/.so": "", "plugins/sources/@v1.so": "" }],
  ["a file deeper", { "plugins/sources/deeper/a.so": "" }],
  ["a file beside the types' folders", { "plugins/a.so": "", "plugins/others/a.so": "" }],
  ["a link to nothing", { "plugins/sources/a.so": "-> nowhere" }],
  ["a link to a folder", { "lib/": null, "plugins/sources/a.so": "-> ../../lib" }],
  ["a link to itself", { "plugins/sources/a.so": "-> a.so" }],
  ["a name that can't be told from a path", { "plugins/sources/a\\b.so": "" }],
])("%s is no plugin, and stays where it is", async (_, tree) => {
  const layout = await baseFolder(tree);
  const { store, lines } = await start(layout);
  expect(store.count()).toBe(0);
  expect(await visible(layout)).toMatchObject(tree);
  expect([...lines, ...(await start(layout)).lines]).toEqual([]);
});

describe("a plugin whose .so", () => {
  const FILES = { [SO]: "so", [YAML]: "yaml", [EXTRA]: "ca" };

  it("has vanished is dropped with a warning; its other files stay", async () => {
    const layout = await baseFolder();
    await install((await start(layout)).store, RANDOM, FILES);
    await rm(layout.absolute(SO));
    const { store, lines } = await start(layout);
    expect(store.names("sources")).toEqual([]);
    expect(lines).toMatchObject([{ level: WARN, plugin: RANDOM }]);
    expect(filesOf(await visible(layout))).toEqual({ [YAML]: "yaml", [EXTRA]: "ca" });
    expect((await start(layout)).lines).toEqual([]);
  });

  it("was replaced by hand has the new version, and still all its files", async () => {
    const layout = await baseFolder();
    await install((await start(layout)).store, RANDOM, FILES);
    await rename(layout.absolute(SO), layout.absolute("plugins/sources/Random@v2.0.0.so"));
    const { store } = await start(layout);
    expect(store.get(RANDOM)).toMatchObject({ version: "2.0.0", soFile: "Random@v2.0.0.so" });
    await remove(store, RANDOM);
    expect(filesOf(await visible(layout))).toEqual({});
  });

  it("was replaced by hand can still be rolled back; one that has vanished can't, as if it had been deleted", async () => {
    const layout = await baseFolder();
    const { store: first } = await start(layout, 2);
    await install(first, RANDOM, FILES);
    await install(first, RANDOM, { "plugins/sources/Random@v2.0.0.so": "so 2", [YAML]: "yaml" });
    const versions = first.get(RANDOM)?.versions;
    expect(versions).toHaveLength(1);
    await rename(
      layout.absolute("plugins/sources/Random@v2.0.0.so"),
      layout.absolute("plugins/sources/Random@v3.0.0.so"),
    );
    const { store } = await start(layout, 2);
    expect(store.get(RANDOM)).toMatchObject({ version: "3.0.0", versions });
    await expectKeptAsRecorded(layout, store);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(FILES);
    expect(store.get(RANDOM)?.versions).toMatchObject([{ version: "3.0.0" }]);

    await rm(layout.absolute(SO));
    const { store: last } = await start(layout, 2);
    await expectKeptAsRecorded(layout, last);
    expect(await keptTexts(layout, "plugins")).toEqual([]);
  });

  it("got a lower one beside it stays as it is", async () => {
    const layout = await baseFolder();
    const { store: first } = await start(layout);
    await install(first, RANDOM, FILES);
    await writeTree(layout.base, { "plugins/sources/Random@v0.9.0.so": "older" });
    const { store, lines } = await start(layout);
    expect(store.get(RANDOM)).toEqual(first.get(RANDOM));
    expect(lines).toEqual([]);
  });
});

it.each([
  ["is torn", '{"schema":1,"plugins":{"sour'],
  ["is of a later version", '{"schema":2}'],
  [
    "has paths that lead elsewhere",
    `{"schema":1,"plugins":{"sources":{"random":{"version":"1","soFile":"a.so",
    "files":[{"path":"etc/sources/../../../passwd"}]}},"sinks":{},"functions":{}}}`,
  ],
  [
    "has kept files that lie elsewhere",
    `{"schema":1,"plugins":{"sources":{"random":{"version":"1","soFile":"a.so","files":[],"versions":[{"id":"a",
    "version":"1","soFile":"a.so","files":[{"path":"etc/sources/a","sha256":"../../passwd"}]}]}},"sinks":{},"functions":{}}}`,
  ],
])("the registry is rebuilt from the folders when it %s", async (_, text) => {
  const layout = await baseFolder({ "plugins/registry.json": text, [SO]: "so", [YAML]: "yaml", [EXTRA]: "ca" });
  const { store } = await start(layout);
  expect(store.names("sources")).toEqual(["random"]);
  expect(store.get(RANDOM)).toEqual({ version: "1.0.0", soFile: "Random@v1.0.0.so", files: files(SO, YAML) });
  expect(Object.values(await visible(layout))).toContain(text);
  expect((await start(layout)).lines).toEqual([]);
});

it("adopts ten thousand, and then starts without a word", async () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `plugin${index}`);
  const layout = await baseFolder(Object.fromEntries(names.map((name) => [`plugins/sinks/${name}.so`, ""])));
  expect((await start(layout)).store.names("sinks")).toEqual(names.sort());
  const again = await start(layout);
  expect(again.lines).toEqual([]);
  expect(again.store.count()).toBe(10_000);
});
