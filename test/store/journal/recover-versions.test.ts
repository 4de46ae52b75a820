import { readdir, rm, writeFile } from "node:fs/promises";
import { describe, expect, it, vi } from "vitest";
import type { PluginEntry } from "../../../src/domain/plugin-entry.ts";
import type { Layout } from "../../../src/store/layout.ts";
import { type Faults, observe } from "../../support/file-operations.ts";
import { ERROR, WARN } from "../../support/test-log.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import {
  baseFolder,
  beginsRegistry,
  copyOf,
  EXTRA,
  expectKeptAsRecorded,
  install,
  installed,
  isDone,
  keptTexts,
  lastOf,
  RANDOM,
  rollBack,
  SECOND_NAMES,
  SO,
  SO_2,
  start,
  visible,
  YAML,
} from "../kit.ts";

vi.mock("node:fs/promises", async (load) =>
  (await import("../../support/file-operations.ts")).observable(await load()),
);

const V1 = { [SO]: "so 1", [YAML]: "yaml 1", [EXTRA]: "ca 1" };
const V2 = { [SO_2]: "so 2", [YAML]: "yaml 2", "etc/sources/random/lookup/table.csv": "a,b" };
const OTHERS: Tree = { "etc/kuiper.yaml": "basic:\n", "etc/sources/other.yaml": "other", "plugins/sinks/file.so": "" };

/** A change of versions, what is there before it, and what is there after it. */
interface Scenario {
  /** Brings the folders to where they are before the change. */
  readonly before: (layout: Layout) => Promise<void>;
  /** What the change puts into place; undefined rolls back. */
  readonly next: Readonly<Record<string, string>> | undefined;
  readonly after: Tree;
}

const SCENARIOS: Record<string, Scenario> = {
  "an update": { before: (layout) => installAll(layout, V1), next: V2, after: V2 },
  "an update to a .so of the same name": {
    before: (layout) => installAll(layout, V1),
    next: { ...V1, [SO]: "so 1, built again" },
    after: { ...V1, [SO]: "so 1, built again" },
  },
  "an update of files that a user edited": {
    before: async (layout) => {
      await installAll(layout, V1);
      await writeTree(layout.base, { [YAML]: "mine", [`${YAML}.new`]: "mine too", [EXTRA]: "my ca" });
    },
    next: V2,
    after: { ...V2, [YAML]: "mine", [`${YAML}.new`]: "yaml 2", [`${YAML}.new.bak`]: "mine too", [EXTRA]: "my ca" },
  },
  "an update of a plugin that was copied in": {
    before: (layout) => writeTree(layout.base, { "plugins/sources/random.so": "by hand", [YAML]: "mine" }),
    next: V2,
    after: { ...V2, [YAML]: "mine", [`${YAML}.new`]: "yaml 2" },
  },
  "a rollback": { before: (layout) => installAll(layout, V1, V2), next: undefined, after: V1 },
  "a rollback with files that a user edited": {
    before: async (layout) => {
      await installAll(layout, V1);
      await writeTree(layout.base, { [YAML]: "mine" });
      await installAll(layout, V2);
      await writeTree(layout.base, { [`${YAML}.new`]: "half merged" });
    },
    next: undefined,
    after: { ...V1, [YAML]: "mine", [`${YAML}.new`]: "yaml 1", [`${YAML}.new.bak`]: "half merged" },
  },
  "a rollback to a .so that another version has too": {
    before: (layout) => installAll(layout, V1, V2, { ...V1, [YAML]: "yaml 3" }, V2),
    next: undefined,
    after: { ...V1, [YAML]: "yaml 3" },
  },
};

async function installAll(layout: Layout, ...versions: Readonly<Record<string, string>>[]): Promise<void> {
  const { store } = await start(layout, 3);
  for (const version of versions) await install(store, RANDOM, version);
}

async function prepare({ before }: Scenario) {
  const layout = await baseFolder(OTHERS);
  await before(layout);
  const { store } = await start(layout, 3); // adopts
  return { layout, store, entry: store.get(RANDOM), before: await visible(layout) };
}

/** The change in a copy of the folders, by a process that may be killed. */
async function runScenario({ next }: Scenario, prepared: Layout, faults: Omit<Faults, "onChange">) {
  const layout = await copyOf(prepared);
  const { store } = await start(layout, 3);
  const onChange = async () => {
    const soFiles = await readdir(layout.soFolder("sources"));
    expect(soFiles.length, "a .so is there at every instant").toBeGreaterThan(0);
  };
  const work = () => (next === undefined ? rollBack(store, RANDOM) : install(store, RANDOM, next));
  const run = await observe(work, { ...faults, onChange });
  return { layout, run, done: isDone(run, layout), step: lastOf(run, layout) };
}

describe.each(Object.entries(SCENARIOS))("%s that is cut off after any operation", (_, scenario) => {
  it.each(SECOND_NAMES)("is wholly done or wholly undone by the next start: old files kept as %s", async (_, names) => {
    const { layout: prepared, entry, before } = await prepare(scenario);
    for (let states = 0; ; states += 1) {
      const killAfter = (_: unknown, count: number) => count > states;
      const { layout, run, done, step } = await runScenario(scenario, prepared, { ...names, killAfter });
      if (!run.isKilled) {
        expect(done).toBe(true);
        expect(states).toBeGreaterThan(25);
        break;
      }
      const { store, lines } = await start(layout, 3);
      const after = await visible(layout);
      if (done) {
        expect(await installed(layout), step).toEqual({ ...OTHERS, ...scenario.after });
        expect(store.get(RANDOM)?.versions?.[0]?.files.length, step).toBe(ownFiles(entry).length);
      } else {
        expect(after, step).toEqual(before); // what is kept included
        expect(store.get(RANDOM), step).toEqual(entry);
      }
      await expectKeptAsRecorded(layout, store);
      expect(
        lines.filter(({ level }) => level >= ERROR),
        step,
      ).toEqual([]);

      const { lines: linesAgain } = await start(layout, 3);
      expect(await visible(layout), `${step}, started again`).toEqual(after);
      expect(
        linesAgain.filter(({ level }) => level >= WARN),
        step,
      ).toEqual([]);
    }
  });

  it("is undone as well when undoing was itself cut off", async () => {
    const { layout: prepared, entry, before } = await prepare(scenario);
    for (let states = 0; ; states += 1) {
      const { layout, run } = await runScenario(scenario, prepared, { killAfter: beginsRegistry });
      expect(run.isKilled).toBe(true);
      const undoing = await observe(() => start(layout, 3), { killAfter: (_, count) => count > states });
      const { store } = await start(layout, 3);
      expect(await visible(layout), lastOf(undoing, layout)).toEqual(before);
      expect(store.get(RANDOM)).toEqual(entry);
      await expectKeptAsRecorded(layout, store);
      if (!undoing.isKilled) break;
    }
  });
});

it("a rollback after an update that was cut off brings back what was there before it", async () => {
  const scenario = {
    ...(SCENARIOS["an update of files that a user edited"] as Scenario),
    next: { ...V2, [SO_2]: "so 3" },
  };
  const { layout: prepared } = await prepare({ ...scenario, before: (layout) => installAll(layout, V1, V2) });
  for (let states = 0; ; states += 1) {
    const killAfter = (_: unknown, count: number) => count > states;
    const { layout, run, step } = await runScenario(scenario, prepared, { killAfter });
    if (!run.isKilled) break;
    const { store } = await start(layout, 3);
    const versions = store.get(RANDOM)?.versions ?? [];
    await rollBack(store, RANDOM);
    expect(await installed(layout), step).toEqual({ ...OTHERS, ...(versions.length === 1 ? V1 : V2) });
    await expectKeptAsRecorded(layout, store);
  }
});

it("what a process was about to keep when it ended is cleared, and nothing else", async () => {
  const { layout, store } = await prepare(SCENARIOS["a rollback"] as Scenario);
  const kept = [await keptTexts(layout, "plugins"), await keptTexts(layout, "etc")];
  const [needed] = await readdir(layout.versionsFolder("plugins"));
  const names = ["0".repeat(64), `${"1".repeat(64)}.partial`, `${needed}.partial`, `${needed}.partial.partial`];
  for (const volume of ["plugins", "etc"] as const) {
    for (const name of names) await writeFile(`${layout.versionsFolder(volume)}/${name}`, "half a");
  }
  await writeFile(`${layout.versionsFolder("etc")}/README`, "of somebody else's");
  const { lines } = await start(layout, 3);
  expect(lines).toEqual([]);
  expect(await visible(layout)).toHaveProperty(["etc/.versions/README"], "of somebody else's");
  await rm(`${layout.versionsFolder("etc")}/README`);
  expect([await keptTexts(layout, "plugins"), await keptTexts(layout, "etc")]).toEqual(kept);
  await rollBack(store, RANDOM);
});

/** The files of a version, without the defaults beside those that users edited. */
function ownFiles(entry: PluginEntry | undefined) {
  return (entry?.files ?? []).filter(({ defaultOf }) => defaultOf === undefined);
}
