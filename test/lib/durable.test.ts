import { existsSync, readFileSync } from "node:fs";
import { chmod, link, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  dropTemporaries,
  duplicateFile,
  makeFolder,
  replaceFile,
  syncFolder,
  syncFolders,
} from "../../src/lib/durable.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";
import { readTree, writeTree } from "../support/tree.ts";
import { withoutRoot } from "../support/without-root.ts";

/** Linux lets users link just what is theirs, where it is set so; a test needs root to have a file of another's. */
const LINKS_ARE_PROTECTED =
  process.getuid?.() === 0 &&
  existsSync("/proc/sys/fs/protected_hardlinks") &&
  readFileSync("/proc/sys/fs/protected_hardlinks", "utf8").trim() === "1";

describe("replaceFile", () => {
  it("makes a file, replaces it, and leaves nothing beside it", async () => {
    const folder = await tempFolder();
    await replaceFile(join(folder, "a"), "first");
    expect(await readTree(folder)).toEqual({ a: "first" });
    await replaceFile(join(folder, "a"), "second");
    expect(await readTree(folder)).toEqual({ a: "second" });
  });

  it("makes another file, so that whoever has the old one open or linked keeps it whole", async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, "a"), "old");
    await link(join(folder, "a"), join(folder, "second name"));
    await replaceFile(join(folder, "a"), "new");
    expect(await readTree(folder)).toEqual({ a: "new", "second name": "old" });
  });

  it("replaces a link, not what it points to", async () => {
    const folder = await tempFolder();
    await writeTree(folder, { target: "old", a: "-> target" });
    await replaceFile(join(folder, "a"), "new");
    expect(await readTree(folder)).toEqual({ target: "old", a: "new" });
  });

  it.each([
    ["a folder", "a", "EISDIR"],
    ["in a folder that is not there", "nowhere/a", "ENOENT"],
    ["below a file", "b/a", "ENOTDIR"],
  ])("fails and leaves everything as it was: %s", async (_, file, code) => {
    const folder = await tempFolder();
    await writeTree(folder, { "a/inside": "old", b: "" });
    const before = await readTree(folder);
    await expect(replaceFile(join(folder, file), "new")).rejects.toMatchObject({ code });
    expect(await readTree(folder)).toEqual(before);
  });

  it.skipIf(!CAN_MOUNT)("keeps the old content when the disk is full", async () => {
    const { folder } = tinyDisk(64 * 1024);
    await replaceFile(join(folder, "a"), "old");
    await expect(replaceFile(join(folder, "a"), "x".repeat(128 * 1024))).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await readTree(folder)).toEqual({ a: "old" });
  });
});

it("dropTemporaries removes what a killed replaceFile left, and nothing else", async () => {
  const folder = await tempFolder();
  const kept = { a: "1", "a.tmp": "2", "ab.x.tmp": "3", "a.unreadable-1": "4", "a.bak": "5" };
  await writeTree(folder, { ...kept, "a.0123456789ab.tmp": "torn" });
  await dropTemporaries(join(folder, "a"));
  expect(await readTree(folder)).toEqual(kept);
});

describe("duplicateFile", () => {
  it("gives a file a second name that outlives the first one's replacement", async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, "a"), "old");
    await duplicateFile(join(folder, "a"), join(folder, "b"));
    expect((await stat(join(folder, "a"))).ino).toBe((await stat(join(folder, "b"))).ino);
    await replaceFile(join(folder, "a"), "new");
    expect(await readTree(folder)).toEqual({ a: "new", b: "old" });
  });

  it("keeps a link as a link, also one to nothing", async () => {
    const folder = await tempFolder();
    await symlink("nowhere", join(folder, "a"));
    await duplicateFile(join(folder, "a"), join(folder, "b"));
    expect(await readTree(folder)).toEqual({ a: "-> nowhere", b: "-> nowhere" });
  });

  it.skipIf(!LINKS_ARE_PROTECTED)("copies what the system lets nobody link, links as links", async () => {
    const folder = await tempFolder();
    await writeTree(folder, { a: "root's", link: "-> a", "ours/": null });
    await chmod(folder, 0o755);
    await chmod(join(folder, "a"), 0o444);
    await chmod(join(folder, "ours"), 0o777);
    await withoutRoot(async () => {
      await duplicateFile(join(folder, "a"), join(folder, "ours/a"));
      await duplicateFile(join(folder, "link"), join(folder, "ours/link"));
    });
    expect((await stat(join(folder, "a"))).nlink).toBe(1);
    expect(await readTree(join(folder, "ours"))).toEqual({ a: "root's", link: "-> a" });
  });

  it.each([
    ["nowhere", "b", "ENOENT"],
    ["a", "taken", "EEXIST"],
    ["a", "nowhere/b", "ENOENT"],
  ])("never overwrites and makes no halves: %s to %s", async (from, to, code) => {
    const folder = await tempFolder();
    await writeTree(folder, { a: "1", taken: "2" });
    await expect(duplicateFile(join(folder, from), join(folder, to))).rejects.toMatchObject({ code });
    expect(await readTree(folder)).toEqual({ a: "1", taken: "2" });
  });
});

describe("makeFolder", () => {
  it("makes a folder and those above it, once", async () => {
    const folder = await tempFolder();
    await makeFolder(join(folder, "a/b/c"), 0o700);
    await makeFolder(join(folder, "a/b/c"));
    expect(await readTree(folder)).toEqual({ "a/": null, "a/b/": null, "a/b/c/": null });
    expect((await stat(join(folder, "a/b/c"))).mode & 0o777).toBe(0o700);
  });

  it("fails where a file is in the way", async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, "a"), "kept");
    await expect(makeFolder(join(folder, "a/b"))).rejects.toMatchObject({ code: "ENOTDIR" });
    expect(await readFile(join(folder, "a"), "utf8")).toBe("kept");
  });
});

it("syncs folders, and nothing that is none", async () => {
  const folder = await tempFolder();
  await mkdir(join(folder, "a"));
  await writeFile(join(folder, "file"), "");
  await syncFolders([folder, join(folder, "a"), folder]);
  await expect(syncFolder(join(folder, "file"))).rejects.toMatchObject({ code: "ENOTDIR" });
  await expect(syncFolders([folder, join(folder, "nowhere")])).rejects.toMatchObject({ code: "ENOENT" });
});
