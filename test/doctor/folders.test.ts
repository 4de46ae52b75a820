import { spawnSync } from "node:child_process";
import { chmod, chown, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { examine } from "../support/doctor.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { bindMount, CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";
import { NOBODY } from "../support/without-root.ts";

const IS_ROOT = process.getuid?.() === 0;
const TYPES = ["sources", "sinks", "functions"];

let base: string;
beforeEach(async () => {
  base = await tempFolder();
  await makeFolders(base);
});

async function makeFolders(folder: string): Promise<void> {
  for (const volume of ["plugins", "etc"]) {
    for (const type of TYPES) await mkdir(join(folder, volume, type), { recursive: true });
  }
}

describe("folders", () => {
  test("that this user can use are fine, and so are those that will be made", async () => {
    expect((await examine(base)).of("folders")).toEqual([
      expect.stringMatching(/^ok: this user \(\d+\) can use 8 folders; /),
    ]);
    expect((await examine(await tempFolder())).of("folders")).toEqual([
      expect.stringMatching(/^ok: .* can use 0 folders; /),
    ]);
  });

  test("into which everybody can put a .so are named, but for a sticky one", async () => {
    await chmod(join(base, "plugins/sinks"), 0o777);
    await chmod(join(base, "plugins/sources"), 0o1777);
    expect((await examine(base)).of("folders").filter((line) => line.startsWith("warning"))).toEqual([
      `warning: every user can put files into ${base}/plugins/sinks (mode 777), also a .so -> chmod o-w ${base}/plugins/sinks`,
    ]);
  });

  test("in whose place a file is are failures", async () => {
    await writeFile(join(base, "plugins/.changes"), "");
    expect((await examine(base)).of("folders")).toContainEqual(
      `failure: ${base}/plugins/.changes is no folder -> move it away`,
    );
  });

  test.skipIf(!IS_ROOT)("that the running server's user may not use are failures, also if root asks", async () => {
    await chown(base, NOBODY, NOBODY);
    for (const folder of ["plugins", "etc"]) await chown(join(base, folder), NOBODY, NOBODY);
    for (const type of TYPES) await chown(join(base, "etc", type), NOBODY, NOBODY);
    await chown(join(base, "plugins/sources"), NOBODY, NOBODY);
    await chown(join(base, "plugins/functions"), 0, NOBODY);
    await chmod(join(base, "plugins/functions"), 0o770); // by its group
    const command = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", process.execPath] as const;
    const server = await ServerProcess.start({ base, command });
    onTestFinished(() => server.dispose());
    const findings = await examine(base);
    expect(findings.of("lock")).toEqual([
      `ok: the server (process ${server.pid}, user ${NOBODY}) works on these folders`,
    ]);
    expect(findings.of("folders").filter((line) => line.startsWith("failure"))).toEqual([
      `failure: the server (process ${server.pid}, user ${NOBODY}) may not read and write ${base}/plugins/sinks: ` +
        `it belongs to user 0, group 0, mode 755 -> chown -R ${NOBODY} ${base}/plugins/sinks, or run the server as the folder's owner`,
    ]);
    expect(findings.of("user")).toEqual([expect.stringMatching(/^ok: .* is not root$/)]);
  });
});

describe("the lock", () => {
  const failures = async () => (await examine(base)).of("lock").filter((line) => line.startsWith("failure"));

  test("whose place something else has is a failure: the server starts without it", async () => {
    await writeFile(join(base, "plugins/.lock"), "");
    expect(await failures()).toEqual([]);
    await mkdir(join(base, "etc/.lock"));
    expect(await failures()).toEqual([
      expect.stringMatching(
        /^failure: .*\/etc\/\.lock is no file, so nothing keeps a second server .* -> move it away/,
      ),
    ]);
    await rm(join(base, "plugins/.lock"));
    spawnSync("mkfifo", [join(base, "plugins/.lock")]);
    expect(await failures()).toHaveLength(2);
  });
});

describe.skipIf(!CAN_MOUNT)("mounts", () => {
  test("that can only be read, or have noexec, are failures that name the mount", async () => {
    const disk = tinyDisk(1024 * 1024);
    await makeFolders(disk.folder);
    disk.setReadOnly(true);
    expect((await examine(disk.folder)).of("mounts")).toEqual([
      expect.stringContaining(`failure: ${disk.folder}/plugins (on the mount ${disk.folder}) can only be read`),
      expect.stringContaining(`failure: ${disk.folder}/etc (on the mount ${disk.folder}) can only be read`),
    ]);
    disk.setReadOnly(false);
    remount(disk.folder, "noexec");
    const [plugins, etc] = (await examine(disk.folder)).of("mounts");
    expect([plugins, etc]).toEqual([
      expect.stringContaining("has noexec: no engine can load"),
      expect.stringMatching(/^ok: /),
    ]);
  });

  test("below the folders are told, and a .so that is one is a failure", async () => {
    const other = await tempFolder();
    await writeFile(join(other, "random.so"), "");
    await writeFile(join(base, "plugins/sources/random.so"), "");
    await mkdir(join(other, "ro"));
    bindMount(join(other, "random.so"), join(base, "plugins/sources/random.so"));
    bindMount(other, join(base, "plugins/sinks"));
    bindMount(join(other, "ro"), join(base, "etc/sinks"), { readOnly: true });
    expect(
      (await examine(base))
        .of("mounts")
        .filter((line) => line.includes("by itself"))
        .sort(),
    ).toEqual([
      expect.stringContaining(`failure: ${base}/plugins/sources/random.so is mounted by itself`),
      expect.stringContaining(`ok: ${base}/plugins/sinks is mounted by itself`),
      expect.stringContaining(`warning: ${base}/etc/sinks is mounted by itself and can only be read`),
    ]);
  });

  test("of memory are told", async () => {
    const disk = tinyDisk(1024 * 1024);
    expect((await examine(disk.folder)).of("file-systems")).toEqual([
      expect.stringContaining(`warning: ${disk.folder} is in memory (tmpfs)`),
      expect.stringContaining(`warning: ${disk.folder} is in memory (tmpfs)`),
    ]);
  });
});

describe.skipIf(!CAN_MOUNT)("space", () => {
  const SETTINGS = { PLUGINPACKAGE__MAXTOTALBYTES: "1048576", PLUGINDOWNLOAD__MAXBYTES: "1048576" };

  test("for the largest package that the settings allow, or for none", async () => {
    const disk = tinyDisk(8 * 1024 * 1024);
    await makeFolders(disk.folder);
    const spaceOf = async () =>
      (await examine(disk.folder, { settings: SETTINGS })).of("space").map((line) => line.split(" ->")[0]);
    expect((await spaceOf())[0]).toMatch(/^ok: .*plugins has [78] MiB free$/);
    await writeFile(join(disk.folder, "filler"), Buffer.alloc(6.5 * 1024 * 1024));
    expect((await spaceOf())[0]).toMatch(/^warning: .*plugins has 1 MiB free; the largest package .* needs 2$/);
    await writeFile(join(disk.folder, "more"), Buffer.alloc(1024 * 1024));
    expect((await spaceOf())[0]).toBe(`failure: ${disk.folder}/plugins has no space left`);
    await truncate(join(disk.folder, "filler"), 0);
    expect((await spaceOf())[0]).toMatch(/^ok/);
  });

  test("inodes are looked at, too", async () => {
    const disk = tinyDisk(8 * 1024 * 1024);
    await makeFolders(disk.folder);
    const settings = { ...SETTINGS, PLUGINPACKAGE__MAXENTRIES: "100" };
    const inodes = async () =>
      (await examine(disk.folder, { settings })).of("space").filter((one) => !one.startsWith("ok"));
    expect(await inodes()).toEqual([]);
    remount(disk.folder, "nr_inodes=60");
    expect(await inodes()).toContainEqual(
      expect.stringMatching(/^warning: .* has \d+ inodes left; a package may have 100 files/),
    );
    for (let file = 0; file < 40; file++) await writeFile(join(disk.folder, String(file)), "");
    expect(await inodes()).toContainEqual(expect.stringMatching(/^failure: .* has no inodes left/));
  });
});

describe("leftovers", () => {
  test("of a server that was cut off are told with the way to clear them", async () => {
    await mkdir(join(base, "plugins/.changes/5f0c"), { recursive: true });
    await writeFile(join(base, "plugins/registry.json.unreadable-1"), "{");
    expect((await examine(base)).of("leftovers")).toEqual([
      expect.stringMatching(/^warning: 1 thing of changes that were cut off: .*5f0c -> start the server/),
      expect.stringMatching(/^warning: a registry could not be used and was set aside: .*unreadable-1/),
    ]);
  });

  test("a link in the place of a hidden folder is followed no further than the system does", async () => {
    await symlink("/nowhere", join(base, "plugins/.incoming"));
    expect((await examine(base)).of("leftovers")).toEqual(["ok: no change is in progress, and none was cut off"]);
  });
});

function remount(folder: string, option: string): void {
  const { status } = spawnSync("mount", ["-o", `remount,${option}`, folder]);
  expect(status).toBe(0);
}
