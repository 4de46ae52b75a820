import { readdir, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, expect, it, vi } from "vitest";
import type { FilePath } from "../../../src/domain/plugin.ts";
import type { Change } from "../../../src/store/journal/change.ts";
import { Workspace } from "../../../src/store/journal/workspace.ts";
import { Layout } from "../../../src/store/layout.ts";
import { restoreDisplaced } from "../../../src/store/versions/displaced.ts";
import { keepEditedFiles } from "../../../src/store/versions/edited-files.ts";
import { type Faults, type FileOperation, observe } from "../../support/file-operations.ts";
import { ERROR, WARN } from "../../support/test-log.ts";
import { CAN_MOUNT, tinyDisk } from "../../support/tiny-disk.ts";
import { readTree, type Tree, writeTree } from "../../support/tree.ts";
import {
  baseFolder,
  beginsRegistry,
  copyOf,
  EXTRA,
  filesOf,
  install,
  isDone,
  lastOf,
  RANDOM,
  removal,
  remove,
  renamesTo,
  runChange,
  SECOND_NAMES,
  SO,
  sha256Of,
  stageInstall,
  start,
  visible,
  YAML,
} from "../kit.ts";

vi.mock("node:fs/promises", async (load) =>
  (await import("../../support/file-operations.ts")).observable(await load()),
);

/** A change, what was there before it, and what is there after it. */
interface Scenario {
  /** Files that users have, whoever made them. */
  readonly users: Tree;
  /** Files of the plugin that is installed before the change. */
  readonly installed?: Readonly<Record<string, string>>;
  readonly change: (layout: Layout, workspace: Workspace) => Promise<Change>;
  readonly after: Tree;
  readonly namesBefore: readonly string[];
  readonly namesAfter: readonly string[];
}

const NEW = { [SO]: "so 1", [YAML]: "yaml 1", [EXTRA]: "ca 1" };
const OTHERS: Tree = { "etc/kuiper.yaml": "basic:\n", "etc/sources/other.yaml": "other", "etc/mqtt_source.yaml": "m" };

const SCENARIOS: Record<string, Scenario> = {
  "an install": {
    users: OTHERS,
    change: (_, workspace) => stageInstall(RANDOM, NEW, workspace),
    after: { ...OTHERS, ...NEW },
    namesBefore: [],
    namesAfter: ["random"],
  },
  "an install over files that were there": {
    users: { ...OTHERS, [YAML]: "mine", [EXTRA]: "my ca", "etc/sources/random/mine": "mine" },
    change: (_, workspace) => stageInstall(RANDOM, NEW, workspace),
    after: { ...OTHERS, ...NEW, "etc/sources/random/mine": "mine" },
    namesBefore: [],
    namesAfter: ["random"],
  },
  "an install that keeps what users wrote": {
    users: { ...OTHERS, [YAML]: "mine", [EXTRA]: "-> my-ca" },
    change: async (layout, workspace) => {
      const { moves, ...change } = await stageInstall(RANDOM, NEW, workspace);
      return { ...change, moves: [...(await keepEditedFiles(change.entry.files, layout, workspace)), ...moves] };
    },
    after: { ...OTHERS, ...NEW, [`${YAML}.bak`]: "mine", [`${EXTRA}.bak`]: "-> my-ca" },
    namesBefore: [],
    namesAfter: ["random"],
  },
  "a removal": {
    users: OTHERS,
    installed: NEW,
    change: async () => removal(RANDOM, Object.keys(NEW) as FilePath[]),
    after: OTHERS,
    namesBefore: ["random"],
    namesAfter: [],
  },
  "a removal that brings back what the plugin had displaced": {
    users: { ...OTHERS, [YAML]: "the engine's" },
    installed: NEW,
    change: async (layout, workspace) => {
      const displaced = { path: YAML, backup: `${YAML}.bak`, sha256: sha256Of("the engine's") } as const;
      const { moves, removals } = await restoreDisplaced([displaced], () => true, layout, workspace);
      const change = removal(RANDOM, [SO, EXTRA]);
      return { ...change, moves: [...moves, ...change.moves, ...removals] };
    },
    after: { ...OTHERS, [YAML]: "the engine's" },
    namesBefore: ["random"],
    namesAfter: [],
  },
  "a removal of a plugin that has lost a file and is missing a folder": {
    users: { ...OTHERS, "plugins/sources/Random@v1.0.0.so": "so 1", [YAML]: "mine" },
    change: async (layout, workspace) => {
      const kept = await keepEditedFiles([{ path: YAML }], layout, workspace);
      const change = removal(RANDOM, Object.keys(NEW) as FilePath[]);
      return { ...change, moves: [...kept, ...change.moves] };
    },
    after: { ...OTHERS, [`${YAML}.bak`]: "mine" },
    namesBefore: ["random"],
    namesAfter: [],
  },
};

/** The disk as it is before the change of a scenario. */
async function prepare({ users, installed }: Scenario): Promise<Layout> {
  const layout = await baseFolder(users);
  const { store } = await start(layout);
  if (installed !== undefined) await install(store, RANDOM, installed);
  return layout;
}

async function runScenario({ change }: Scenario, layout: Layout, faults: Faults) {
  const workspace = await Workspace.create(layout);
  return runChange(await change(layout, workspace), workspace, layout, faults);
}

describe.each(Object.entries(SCENARIOS))("%s that is cut off after any operation", (_, scenario) => {
  it.each(SECOND_NAMES)("is wholly done or wholly undone by the next start: old files kept as %s", async (_, names) => {
    const prepared = await prepare(scenario);
    const before = await visible(prepared);
    for (let states = 0; ; states += 1) {
      const layout = await copyOf(prepared);
      const run = await runScenario(scenario, layout, { ...names, killAfter: (_, count) => count > states });
      if (!run.isKilled) {
        expect(isDone(run, layout)).toBe(true);
        expect(states).toBeGreaterThan(12);
        break;
      }
      const done = isDone(run, layout);
      const step = lastOf(run, layout);

      const { store, lines } = await start(layout);
      const after = await visible(layout);
      if (done) expect(filesOf(after), step).toEqual(scenario.after);
      else expect(after, step).toEqual(before);
      expect(store.names("sources"), step).toEqual(done ? scenario.namesAfter : scenario.namesBefore);
      expect(
        lines.filter(({ level }) => level >= ERROR),
        step,
      ).toEqual([]);

      const { lines: linesAgain } = await start(layout);
      expect(await visible(layout), `${step}, started again`).toEqual(after);
      expect(
        linesAgain.filter(({ level }) => level >= WARN),
        step,
      ).toEqual([]);
    }
  });

  it.each(SECOND_NAMES)("is undone as well when undoing was itself cut off: old files kept as %s", async (_, names) => {
    const prepared = await prepare(scenario);
    const before = await visible(prepared);
    for (let states = 0; ; states += 1) {
      const layout = await copyOf(prepared);
      expect((await runScenario(scenario, layout, { ...names, killAfter: beginsRegistry })).isKilled).toBe(true);
      const undoing = await observe(() => start(layout), { ...names, killAfter: (_, count) => count > states });
      await start(layout);
      expect(await visible(layout), lastOf(undoing, layout)).toEqual(before);
      if (!undoing.isKilled) break;
    }
  });
});

it("never takes another's file for its own", async () => {
  const scenario = SCENARIOS["an install"] as Scenario;
  const layout = await prepare(scenario);
  await runScenario(scenario, layout, { killAfter: ({ paths }) => paths[1]?.endsWith("/journal.json") === true });
  // While the server was down, someone copied the plugin in by hand.
  await writeTree(layout.base, { [SO]: "by hand", [YAML]: "by hand" });
  const { store } = await start(layout);
  expect(filesOf(await visible(layout))).toEqual({ ...OTHERS, [SO]: "by hand", [YAML]: "by hand" });
  expect(store.names("sources")).toEqual(["random"]);
});

it("ends the changes of several plugins, each for itself", async () => {
  const layout = await baseFolder();
  await start(layout);
  const ids = (["done", "undone", "prepared"] as const).map((name) => ({ type: "sinks", name }) as const);
  for (const id of ids) {
    const workspace = await Workspace.create(layout);
    const change = await stageInstall(id, { [`plugins/sinks/${id.name}.so`]: id.name }, workspace);
    const entry = { ...change.entry, soFile: `${id.name}.so` };
    if (id.name === "prepared") continue;
    const last = id.name === "done" ? layout.registryFile : layout.absolute("plugins/sinks/undone.so");
    const run = await runChange({ ...change, entry }, workspace, layout, {
      killAfter: (operation) => renamesTo(operation, last),
    });
    expect(run.isKilled).toBe(true);
  }
  const { store } = await start(layout);
  expect(store.names("sinks")).toEqual(["done"]);
  expect(filesOf(await visible(layout))).toEqual({ "plugins/sinks/done.so": "done" });
});

describe("leftovers", () => {
  it("of changes that had not begun are dropped, on both volumes, whatever they are", async () => {
    const layout = await baseFolder({
      "plugins/.changes/a/package.zip": "half",
      "plugins/.changes/a/script/install.sh": "rm -rf /",
      "plugins/.changes/a/journal.json.0123456789ab.tmp": "{",
      "etc/.changes/a/1.new": "x",
      "etc/.changes/only-here/1.new": "x",
      "plugins/.changes/a file": "x",
      "plugins/.changes/a link": "-> ../../outside",
      "outside/kept": "kept",
    });
    await start(layout);
    expect(filesOf(await visible(layout))).toEqual({ "outside/kept": "kept" });
    expect(await readdir(join(layout.base, "plugins/.changes"))).toEqual([]);
    expect(await readdir(join(layout.base, "etc/.changes"))).toEqual([]);
  });

  it("of a registry's write are dropped", async () => {
    const layout = await baseFolder({ "plugins/registry.json.0123456789ab.tmp": "{" });
    await start(layout);
    expect(filesOf(await visible(layout))).toEqual({});
  });
});

const MOVE = { target: SO, staged: "1.new", stagedInode: "1", saved: null };
const JOURNAL = { schema: 1, change: "a", type: "sources", name: "random", kind: "install", moves: [], newFolders: [] };

describe("a journal that can't be read keeps its workspace, and touches nothing", () => {
  it.each([
    ["not JSON", "{"],
    ["empty", ""],
    ["of a later schema", JSON.stringify({ ...JOURNAL, schema: 2 })],
    ["without moves", JSON.stringify({ ...JOURNAL, moves: undefined })],
    ["of no type", JSON.stringify({ ...JOURNAL, type: "others" })],
    ["of an escaping target", JSON.stringify({ ...JOURNAL, moves: [{ ...MOVE, target: "etc/sources/../../x" }] })],
    ["of the configuration", JSON.stringify({ ...JOURNAL, moves: [{ ...MOVE, target: "etc/kuiper.yaml" }] })],
    ["of an escaping folder", JSON.stringify({ ...JOURNAL, newFolders: ["etc/sources/../../outside"] })],
  ])("%s", async (_, text) => {
    const files = {
      "etc/.changes/a/0.old": "yaml",
      "etc/kuiper.yaml": "basic:\n",
      "plugins/.changes/a/journal.json": text,
      "plugins/.changes/a/0.old": "so",
      "plugins/sources/random.so": "other",
      "outside/": null,
    };
    const layout = await baseFolder(files);
    const { store, lines } = await start(layout);
    expect(await visible(layout)).toMatchObject(files);
    expect(store.names("sources")).toEqual(["random"]);
    expect(lines).toContainEqual(expect.objectContaining({ level: ERROR, change: "a" }));
  });
});

describe("a journal that could not be read at one start", () => {
  it.each(SECOND_NAMES)("does not undo what was changed since: old files kept as %s", async (_, { fail }) => {
    for (const kind of ["update", "delete"]) {
      const layout = await baseFolder();
      const first = await start(layout);
      await install(first.store, RANDOM, { [SO]: "so 1", [YAML]: "yaml" });
      const change = () =>
        kind === "update"
          ? install(first.store, RANDOM, { [SO]: "so 2", [YAML]: "yaml" })
          : remove(first.store, RANDOM);
      expect(await observe(change, { killAfter: beginsRegistry, ...(fail && { fail }) })).toMatchObject({
        isKilled: true,
      });
      let next = first;
      const unreadable = ({ call, paths: [path = ""] }: FileOperation) =>
        call === "open" && path.endsWith("/journal.json") ? "EIO" : undefined;
      await observe(async () => (next = await start(layout)), { fail: unreadable });
      await install(next.store, RANDOM, { [SO]: "so 3", [YAML]: "yaml" });
      const { store, lines } = await start(layout);
      expect(filesOf(await visible(layout)), kind).toEqual({ [SO]: "so 3", [YAML]: "yaml" });
      expect(lines.map(({ msg }) => msg)).toEqual([
        "a change was interrupted, and its plugin has been changed since: its files are left as they are",
      ]);
      expect(store.names("sources")).toEqual(["random"]);
    }
  });
});

describe.skipIf(!CAN_MOUNT)("on a disk that can't be written", () => {
  it.each([
    ["an install", `rename ${YAML}`, []],
    ["a removal", `unlink ${SO}`, ["random"]],
  ])(
    "%s stays cut off, the plugin is listed as before, and is set right before its next change",
    async (title, last, names) => {
      const disk = tinyDisk(1024 * 1024);
      const layout = new Layout(disk.folder);
      const scenario = SCENARIOS[title] as Scenario;
      await writeTree(layout.base, scenario.users);
      const first = await start(layout);
      if (scenario.installed !== undefined) await install(first.store, RANDOM, scenario.installed);
      const before = await visible(layout);
      const workspace = await Workspace.create(layout);
      const change = await scenario.change(layout, workspace);
      const { isKilled } = await runChange(change, workspace, layout, {
        killAfter: ({ call, paths }) => `${call} ${relative(layout.base, paths.at(-1) ?? "")}` === last,
      });
      expect(isKilled).toBe(true);

      disk.setReadOnly(true);
      const { store, lines } = await start(layout);
      expect(store.names("sources")).toEqual(names);
      expect(lines).toContainEqual(expect.objectContaining({ level: ERROR, change: workspace.id }));
      await expect(store.lookUp(RANDOM)).rejects.toMatchObject({ code: "STORAGE_FAILED" });

      disk.setReadOnly(false);
      expect((await store.lookUp(RANDOM)) !== undefined).toBe(names.length > 0);
      expect(await visible(layout)).toEqual(before);
      expect(store.names("sources")).toEqual(names);
    },
  );
});

it("does not lose what users did to a plugin's files after a change was ended", async () => {
  const layout = await baseFolder();
  const { store } = await start(layout);
  await install(store, RANDOM, NEW);
  await writeFile(layout.absolute(YAML), "edited");
  await rename(layout.absolute(EXTRA), `${layout.absolute(EXTRA)}.off`);
  await start(layout);
  expect(filesOf(await readTree(join(layout.base, "etc")))).toEqual({
    "sources/random.yaml": "edited",
    "sources/random/certs/ca.pem.off": "ca 1",
  });
});
