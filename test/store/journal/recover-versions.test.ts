import { link, readdir, rm, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { PluginEntry } from "../../../src/domain/plugin-entry.ts";
import { planChange, undoChange } from "../../../src/store/journal/change.ts";
import { writeJournal } from "../../../src/store/journal/journal.ts";
import { Workspace } from "../../../src/store/journal/workspace.ts";
import type { Layout } from "../../../src/store/layout.ts";
import { KeptFiles } from "../../../src/store/versions/kept-files.ts";
import { KeptLease } from "../../../src/store/versions/kept-lease.ts";
import { type InstallChange, prepareRollback, prepareUpdate } from "../../../src/store/versions/version-change.ts";
import { findVersion } from "../../../src/store/versions/version-list.ts";
import { ERROR, testLog, WARN } from "../../support/test-log.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import {
  baseFolder,
  changeByStep,
  copy,
  DONE,
  dieAfter,
  EXTRA,
  entryOf,
  expectKeptAsRecorded,
  install,
  installed,
  keptTexts,
  RANDOM,
  rollBack,
  SO,
  SO_2,
  stageFiles,
  start,
  visible,
  YAML,
} from "../kit.ts";

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

/** What the store does before it commits, in a process that gets no further. */
async function prepareChange({ next }: Scenario, { layout, store }: Prepared): Promise<[InstallChange, Workspace]> {
  const { log } = testLog();
  const kept = new KeptFiles({ layout, entries: () => store.entries("sources").values(), isComplete: true, log });
  const workspace = await Workspace.create(layout);
  const context = { id: RANDOM, workspace, lease: new KeptLease(kept), kept, layout, keepVersions: 3, log };
  const entry = store.get(RANDOM) as PluginEntry;
  const old = { entry, files: await store.filesOf(RANDOM, entry) };
  if (next === undefined) return [await prepareRollback(old, findVersion(entry), {}, context), workspace];
  const staged = { entry: entryOf(next, workspace.id), files: await stageFiles(next, workspace) };
  return [await prepareUpdate(old, staged, context), workspace];
}

type Prepared = Awaited<ReturnType<typeof prepare>>;

async function dieIn(count: number, scenario: Scenario, prepared: Prepared, save: typeof link | typeof copy) {
  const { layout } = prepared;
  const [change, workspace] = await prepareChange(scenario, prepared);
  return dieAfter(count, change, { layout, workspace, save }, async (step) => {
    const soFiles = await readdir(layout.soFolder("sources"));
    expect(soFiles.length, `a .so is there at every instant: ${step}`).toBeGreaterThan(0);
  });
}

describe.each(Object.entries(SCENARIOS))("%s that is cut off after any step", (_, scenario) => {
  it.each([
    ["links", link],
    ["copies", copy],
  ])("is wholly done or wholly undone by the next start: old files kept as %s", async (_, save) => {
    let done = false;
    let steps = 0;
    for (; ; steps += 1) {
      const prepared = await prepare(scenario);
      const { layout, entry, before } = prepared;
      const step = await dieIn(steps, scenario, prepared, save);
      if (step === undefined) break;
      done ||= step === DONE;

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
    expect(done).toBe(true);
    expect(steps).toBeGreaterThan(8);
  });

  it("is undone as well when undoing was itself cut off", async () => {
    for (let undone = 0, all = 1; undone <= all; undone += 1) {
      const prepared = await prepare(scenario);
      const { layout } = prepared;
      const [change, workspace] = await prepareChange(scenario, prepared);
      const journal = await planChange(change, { layout, workspace });
      for await (const step of changeByStep(change, { layout, workspace, save: link })) {
        if (step.startsWith(journal.moves.at(-1)?.target ?? "") && /in place$|removed$/.test(step)) break;
      }
      all = journal.moves.length;
      const part = { ...journal, moves: journal.moves.slice(all - undone), newFolders: [] };
      await undoChange(part, { layout, workspace });
      await writeJournal(workspace, journal);

      const { store } = await start(layout, 3);
      expect(await visible(layout), `${undone} moves undone`).toEqual(prepared.before);
      expect(store.get(RANDOM)).toEqual(prepared.entry);
      await expectKeptAsRecorded(layout, store);
    }
  });
});

it("a rollback after an update that was cut off brings back what was there before it", async () => {
  const scenario = SCENARIOS["an update of files that a user edited"] as Scenario;
  for (let steps = 0; ; steps += 1) {
    const prepared = await prepare({ ...scenario, before: (layout) => installAll(layout, V1, V2) });
    const step = await dieIn(steps, { ...scenario, next: { ...V2, [SO_2]: "so 3" } }, prepared, link);
    if (step === undefined) break;
    const { store } = await start(prepared.layout, 3);
    const versions = store.get(RANDOM)?.versions ?? [];
    await rollBack(store, RANDOM);
    expect(await installed(prepared.layout), step).toEqual({ ...OTHERS, ...(versions.length === 1 ? V1 : V2) });
    await expectKeptAsRecorded(prepared.layout, store);
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
