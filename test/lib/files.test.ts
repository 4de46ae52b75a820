import { chmod, chown, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exists, removeFolder } from "../../src/lib/files.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { writeTree } from "../support/tree.ts";
import { NOBODY, withoutRoot } from "../support/without-root.ts";

describe("exists", () => {
  it.each([
    ["file", true],
    ["folder", true],
    ["link-to-nothing", true],
    ["nowhere", false],
    ["file/below", false],
  ])("%s: %s", async (name, expected) => {
    const folder = await tempFolder();
    await writeTree(folder, { file: "", "folder/": null, "link-to-nothing": "-> nowhere" });
    expect(await exists(join(folder, name))).toBe(expected);
  });

  it("does not take an error for an answer", async () => {
    const loop = join(await tempFolder(), "loop");
    await symlink(loop, loop);
    await expect(exists(join(loop, "x"))).rejects.toMatchObject({ code: "ELOOP" });
  });

  it("says no to a name that nothing can have", async () => {
    expect(await exists(join(await tempFolder(), "a".repeat(300)))).toBe(false);
  });
});

describe("removeFolder", () => {
  it("removes a folder that nobody may enter, and follows no link out of it", async () => {
    const folder = await tempFolder();
    await writeTree(folder, { "kept/file": "kept", "gone/locked/file": "", "gone/link": "-> ../kept" });
    if (process.getuid?.() === 0) {
      for (const path of ["", "gone", "gone/locked"]) await chown(join(folder, path), NOBODY, NOBODY);
    }
    await chmod(join(folder, "gone/locked"), 0);
    await chmod(join(folder, "gone"), 0);
    await withoutRoot(() => removeFolder(join(folder, "gone")));
    expect(await readdir(folder)).toEqual(["kept"]);
    expect(await readdir(join(folder, "kept"))).toEqual(["file"]);
  });
});
