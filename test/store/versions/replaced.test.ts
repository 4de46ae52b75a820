import { describe, expect, it, vi } from "vitest";
import type { PluginId } from "../../../src/domain/plugin.ts";
import type { Layout } from "../../../src/store/layout.ts";
import { PluginStore } from "../../../src/store/plugin-store.ts";
import { type FileOperation, observe } from "../../support/file-operations.ts";
import { testLog } from "../../support/test-log.ts";
import { baseFolder, install, keptTexts, RANDOM, remove, renamesTo, SO, SO_2 } from "../kit.ts";

vi.mock("node:fs/promises", async (load) =>
  (await import("../../support/file-operations.ts")).observable(await load()),
);

/** The versions that an engine may still run, while it is found to run later ones. */

const OTHER: PluginId = { type: "sources", name: "other" };
const OTHER_SO = "plugins/sources/Other@v1.0.0.so";
const OTHER_SO_2 = "plugins/sources/Other@v2.0.0.so";

/** Two plugins, both updated from a .so with the same content. */
async function twoUpdated(): Promise<{ readonly layout: Layout; readonly store: PluginStore }> {
  const layout = await baseFolder();
  const store = await PluginStore.open(layout, testLog().log, { keepVersions: 0, keepReplaced: true });
  await install(store, RANDOM, { [SO]: "the same" });
  await install(store, OTHER, { [OTHER_SO]: "the same" });
  await install(store, RANDOM, { [SO_2]: "version 2" });
  await install(store, OTHER, { [OTHER_SO_2]: "version 2 of the other" });
  return { layout, store };
}

describe("a replaced version that is forgotten while its plugin is deleted", () => {
  const journalled = ({ call, paths: [, to = ""] }: FileOperation) => call === "rename" && to.endsWith("/journal.json");
  it.each<[string, (operation: FileOperation, layout: Layout) => boolean]>([
    [
      "before the delete is journalled",
      ({ call, paths: [path = ""] }) => call === "mkdir" && path.includes("/.changes/"),
    ],
    ["before the delete is in the registry", journalled],
    ["while the registry is written", (operation, layout) => renamesTo(operation, layout.registryFile)],
  ])("takes no file from others: %s", async (_, isTime) => {
    const { layout, store } = await twoUpdated();
    let forgotten: Promise<void> | undefined;
    const onChange = async (operation: FileOperation) => {
      if (forgotten === undefined && isTime(operation, layout)) forgotten = store.forgetReplaced([RANDOM]);
    };
    await observe(() => remove(store, RANDOM), { onChange });
    expect(forgotten).toBeDefined();
    await forgotten;
    expect(await keptTexts(layout, "plugins")).toContain("the same");
    await store.forgetReplaced([RANDOM]);
    expect(await keptTexts(layout, "plugins")).toContain("the same");
    await store.forgetReplaced([OTHER]);
    expect(await keptTexts(layout, "plugins")).toEqual([]);
  });
});
