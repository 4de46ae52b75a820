import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { chmod, chown, link, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ConfigError, loadConfig } from "../../src/config/load.ts";
import { planChange, undoChange } from "../../src/store/journal/change.ts";
import { writeJournal } from "../../src/store/journal/journal.ts";
import { Workspace } from "../../src/store/journal/workspace.ts";
import { ask, post, remove } from "../support/http-client.ts";
import type { PluginContents } from "../support/plugin-zip.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { readTree, type Tree } from "../support/tree.ts";
import { NOBODY, withoutRoot } from "../support/without-root.ts";
import { startZipHost, type ZipHost } from "../support/zip-host.ts";
import { baseFolder, RANDOM, removal, SO, start, YAML } from "./kit.ts";

const CAN_FREEZE = process.platform === "linux" && process.getuid?.() === 0 && tryFreeze();

/** Makes a file that not even root can replace or remove, until the returned function is called. */
function freeze(file: string): () => void {
  execFileSync("chattr", ["+i", file], { stdio: "ignore" });
  return () => void spawnSync("chattr", ["-i", file]);
}

function tryFreeze(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "plugin-server-freeze-"));
  try {
    writeFileSync(join(folder, "file"), "");
    freeze(join(folder, "file"))();
    return true;
  } catch {
    return false; // no chattr, or a file system that knows no such thing
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("a server", () => {
  let host: ZipHost;
  let server: TestServer;
  beforeEach(async () => {
    host = await startZipHost();
    server = await startTestServer();
  });
  afterEach(async () => {
    await Promise.all([server.stop(), host.close()]);
    execFileSync("rm", ["-rf", server.base]); // unlike node's, it removes folders of any depth
  });

  const install = (contents: PluginContents) =>
    post(`${server.url}/plugins/${contents.type}`, { name: contents.name, file: host.serveZip(contents) });
  const list = (type: string) => ask(`${server.url}/plugins/${type}`);
  const workLeft = async () =>
    Promise.all(["plugins/.changes", "etc/.changes"].map((folder) => readdir(join(server.base, folder))));

  it.skipIf(!CAN_FREEZE)(
    "puts back what it can when one file can't be put back, and ends the delete later",
    async () => {
      expect(await install({ type: "sources", name: "aa" })).toEqual([201, expect.anything()]);
      const so = join(server.base, "plugins/sources/Aa@v1.0.0.so");
      const yaml = join(server.base, "etc/sources/aa.yaml");
      const before = await Promise.all([so, yaml].map((file) => readFile(file)));
      const thaw = freeze(yaml);
      try {
        const [status] = await remove(`${server.url}/plugins/sources/aa`);
        expect(status).toBeGreaterThanOrEqual(500);
        expect(await Promise.all([so, yaml].map((file) => readFile(file)))).toEqual(before);
        expect(await list("sources")).toEqual([200, '["aa"]']);
        // Nor does a second attempt make it worse.
        expect((await remove(`${server.url}/plugins/sources/aa`))[0]).toBeGreaterThanOrEqual(500);
        expect(await readFile(so)).toEqual(before[0]);
      } finally {
        thaw();
      }
      expect(await remove(`${server.url}/plugins/sources/aa`)).toEqual([200, expect.anything()]);
      expect(await list("sources")).toEqual([200, "[]"]);
      expect((await server.files()).filter((path) => /aa/i.test(path))).toEqual([]);
      expect(await workLeft()).toEqual([[], []]);
    },
  );

  it.each([
    ["removes the whole workspace", `p=$(dirname "$(pwd)"); rm -rf "$p"\n`],
    ["makes a folder of the journal's name", "mkdir ../journal.json\n"],
    ["makes a full folder of the journal's name", "mkdir -p ../journal.json/full\n"],
  ])("is not blocked by an install.sh that %s", async (_, script) => {
    const [status] = await install({ type: "sinks", name: "scripted", script });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(await list("sinks")).toEqual([200, "[]"]);
    expect(await install({ type: "sinks", name: "scripted" })).toEqual([201, expect.anything()]);
    expect(await list("sinks")).toEqual([200, '["scripted"]']);
    expect(await workLeft()).toEqual([[], []]);
  });

  it.each([
    ["folders that nobody may enter", "mkdir -p a/b; echo x > a/b/file; chmod 000 a/b a\n"],
    // 3,000 of them, a few at a time: a longer path is more than the system takes. `cd -P`, since some shells go by the
    // whole path otherwise.
    ["very deep folders", `for i in 1 2 3 4 5 6; do mkdir -p ${"d/".repeat(500)}; cd -P ${"d/".repeat(500)}; done\n`],
  ])("clears away %s that an install.sh made", async (_, script) => {
    expect(await install({ type: "sinks", name: "scripted", script })).toEqual([201, expect.anything()]);
    expect(await workLeft()).toEqual([[], []]);
  });

  it.each([
    ["Latin letters", "n".repeat(250)],
    ["letters of two bytes", "ü".repeat(125)],
  ])("keeps an edited file whose name has no room for .bak: %s", async (_, stem) => {
    const names = [`${stem}.txt`, `${stem}.csv`]; // 254 bytes, and the same when they are shortened
    const etc = Object.fromEntries(names.map((name) => [name, "as shipped"]));
    expect(await install({ type: "sources", name: "random", etc })).toEqual([201, expect.anything()]);
    const folder = join(server.base, "etc/sources/random");
    for (const name of names) await writeFile(join(folder, name), `edited ${name}`);

    expect(await remove(`${server.url}/plugins/sources/random`)).toEqual([200, expect.anything()]);
    const kept = await readdir(folder);
    expect(kept).toHaveLength(2);
    for (const name of kept) expect(name).toMatch(/\.bak(\.\d+)?$/);
    const texts = await Promise.all(kept.map((name) => readFile(join(folder, name), "utf8")));
    expect(texts.sort()).toEqual(names.map((name) => `edited ${name}`).sort());
  });
});

it("undo leaves a file alone that the change never touched", async () => {
  const layout = await baseFolder({ [SO]: "so", [YAML]: "yaml" });
  await start(layout);
  const workspace = await Workspace.create(layout);
  const journal = await planChange(removal(RANDOM, [SO, YAML]), { layout, workspace });
  await writeJournal(workspace, journal);
  for (const { target, saved } of journal.moves) {
    const volume = target.startsWith("plugins/") ? "plugins" : "etc";
    await link(join(layout.base, target), workspace.file(volume, saved ?? ""));
  }
  const inodes = () => Promise.all([SO, YAML].map(async (path) => (await stat(layout.absolute(path))).ino));
  const before = await inodes();
  // A frozen file can't be renamed over, so it shows who tries.
  const thaw = CAN_FREEZE ? freeze(layout.absolute(SO)) : () => {};
  try {
    await undoChange(journal, { layout, workspace });
  } finally {
    thaw();
  }
  expect(await inodes()).toEqual(before);
  expect(await readFile(layout.absolute(SO), "utf8")).toBe("so");
});

it.skipIf(process.platform === "win32")(
  "a workspace is removed with folders that its owner may not enter",
  async () => {
    const layout = await baseFolder({ "plugins/": null, "etc/": null });
    if (process.getuid?.() === 0) {
      for (const folder of ["", "plugins", "etc"]) await chown(join(layout.base, folder), NOBODY, NOBODY);
    }
    const workspace = await withoutRoot(async () => {
      const made = await Workspace.create(layout);
      const outer = join(made.folder("plugins"), "script/outer");
      await mkdir(join(outer, "inner"), { recursive: true });
      await writeFile(join(outer, "inner/file"), "");
      await chmod(join(outer, "inner"), 0);
      await chmod(outer, 0);
      await made.remove();
      return made;
    });
    await expect(stat(workspace.folder("plugins"))).rejects.toMatchObject({ code: "ENOENT" });
  },
);

describe("files that were copied in by hand", () => {
  const GOOD: Tree = {
    "plugins/sources/Random@v1.0.0.so": "",
    "plugins/sources/zz.so": "",
    "plugins/sinks/sink.so": "",
  };

  it.each([250, 251, 252])("a name of %i letters hides no other plugin", async (length) => {
    const layout = await baseFolder({ ...GOOD, [`plugins/sources/${"q".repeat(length)}.so`]: "" });
    const { store } = await start(layout);
    expect(store.names("sources")).toEqual(expect.arrayContaining(["random", "zz"]));
    expect(store.names("sinks")).toEqual(["sink"]);
  });

  it.skipIf(process.platform !== "linux")("a name that is no UTF-8 is not listed", async () => {
    const layout = await baseFolder(GOOD);
    const name = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(".so")]);
    await writeFile(Buffer.concat([Buffer.from(`${layout.soFolder("sources")}/`), name]), "");
    const { store } = await start(layout);
    expect(store.names("sources")).toEqual(["random", "zz"]);
  });

  it.each(["prebuild.so", "Prebuild@v1.0.0.so"])("%s is not listed: its name means something else", async (name) => {
    const layout = await baseFolder({ ...GOOD, [`plugins/sources/${name}`]: "" });
    const { store } = await start(layout);
    expect(store.names("sources")).toEqual(["random", "zz"]);
    expect(await store.lookUp({ type: "sources", name: "prebuild" })).toBeUndefined();
  });
});

describe("folders of work in progress that are not ours", () => {
  const OURS = "0b7e1f0a-9f5c-4c0e-8a53-3f1d2c4b5a69";
  const OUTSIDE: Tree = {
    "outside/file": "precious",
    "outside/folder/file": "precious",
    [`outside/${OURS}/file`]: "precious",
    "outside/empty/": null,
  };

  it.each(["plugins", "etc"] as const)("nothing is deleted where %s/.changes is a link", async (volume) => {
    const layout = await baseFolder({ ...OUTSIDE, [`${volume}/.changes`]: "-> ../outside" });
    const before = await readTree(join(layout.base, "outside"));
    await start(layout);
    expect(await readTree(join(layout.base, "outside"))).toEqual(before);
  });
});

describe("a journal that this server did not write", () => {
  const move = { target: "plugins/sinks/evil.so", staged: null, stagedInode: null, saved: "0.old" };

  /** A base folder that has a workspace with this journal, after a start. */
  async function startedWith(journal: object, tree: Tree) {
    const id = randomUUID();
    const files = { "outside/secret": "precious", [`etc/.changes/${id}/`]: null, ...tree };
    const inWorkspace = Object.entries(files).map(([path, text]) => [path.replace("ID", id), text] as const);
    const whole = { schema: 1, change: id, type: "sinks", name: "evil", kind: "install", newFolders: [], ...journal };
    const layout = await baseFolder({
      ...Object.fromEntries(inWorkspace),
      [`plugins/.changes/${id}/journal.json`]: JSON.stringify(whole),
    });
    const { store } = await start(layout);
    return { store, after: await readTree(layout.base) };
  }

  it.each<[string, object]>([
    ["saved leads out of the workspace", { moves: [{ ...move, saved: "../../../outside/secret" }] }],
    ["staged leads out of the workspace", { moves: [{ ...move, staged: "../../../outside/secret" }] }],
    ["change is another one's", { change: randomUUID(), moves: [move] }],
    ["change leads elsewhere", { change: "../../outside", moves: [move] }],
  ])("is not acted upon: %s", async (_, journal) => {
    const { store, after } = await startedWith(journal, { "plugins/.changes/ID/0.old": "planted" });
    expect(after).toMatchObject({ "outside/secret": "precious" });
    expect(after).not.toHaveProperty(["plugins/sinks/evil.so"]);
    expect(store.names("sinks")).toEqual([]);
  });

  it("an honest one is acted upon, so that the above shows something", async () => {
    const { after } = await startedWith({ moves: [move] }, { "plugins/.changes/ID/0.old": "mine" });
    expect(after).toMatchObject({ "plugins/sinks/evil.so": "mine" });
  });

  it("does not write through a link where a folder should be", async () => {
    const target = "etc/sinks/q/conf";
    const { after } = await startedWith(
      { name: "q", moves: [{ ...move, target }], newFolders: ["etc/sinks/q/empty"] },
      {
        "outside/conf": "precious",
        "outside/empty/": null,
        "etc/sinks/q": "-> ../../outside",
        "etc/.changes/ID/0.old": "planted",
      },
    );
    expect(after).toMatchObject({ "outside/conf": "precious", "outside/empty/": null });
  });
});

describe.skipIf(process.platform === "win32")("a FIFO", () => {
  it("for a registry is set aside, and what is there is listed", async () => {
    const layout = await baseFolder({ "plugins/sources/random.so": "" });
    execFileSync("mkfifo", [layout.registryFile]);
    const timer = setTimeout(() => endOfFile(layout.registryFile), 30_000); // else nothing would ever end
    onTestFinished(() => clearTimeout(timer));
    const began = performance.now();
    const { store } = await start(layout);
    expect(performance.now() - began).toBeLessThan(25_000);
    expect(store.names("sources")).toEqual(["random"]);
    expect((await readdir(layout.volume("plugins"))).filter((name) => name.includes(".unreadable-"))).toHaveLength(1);
    expect((await stat(layout.registryFile)).isFile()).toBe(true);
  });

  it("for a configuration is refused", async () => {
    const file = join(await tempFolder(), "kuiper.yaml");
    execFileSync("mkfifo", [file]);
    const rescue = endOfFileLater(file);
    try {
      expect(() => loadConfig(file, {})).toThrow(ConfigError);
      expect(() => loadConfig(file, {})).toThrow(/^[^\n]*is not a regular file[^\n]*$/);
    } finally {
      rescue.kill("SIGKILL");
    }
  });

  /** Lets whoever waits for the first byte of a FIFO go on. */
  function endOfFile(fifo: string): void {
    try {
      closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // nobody waits
    }
  }

  /** The same from outside, for a reader that blocks this whole process. */
  function endOfFileLater(fifo: string): ChildProcess {
    const script = 'while :; do sleep 3; : 1<>"$1"; done';
    return spawn("sh", ["-c", script, "sh", fifo], { stdio: "ignore" });
  }
});

it("an empty basic.restIp never opens the server to all", async () => {
  const file = join(await tempFolder(), "kuiper.yaml");
  await writeFile(file, 'basic:\n  restIp: ""\n');
  expect(() => loadConfig(file, {})).toThrow(ConfigError);
  await writeFile(file, "");
  expect(loadConfig(file, { KUIPER__BASIC__RESTIP: "" }).config.basic.restIp).toBe("127.0.0.1"); // as if it were not set
});
