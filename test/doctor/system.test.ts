import { execFileSync, spawnSync } from "node:child_process";
import { chmod, chown, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { COMMAND } from "../cli/kit.ts";
import { examine } from "../support/doctor.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { NOBODY } from "../support/without-root.ts";

let base: string;
beforeEach(async () => {
  base = await tempFolder();
});

/** The built command, started by a shell that limits it first. */
function run(setup: string, { user }: { user?: number } = {}) {
  const env = { PATH: process.env.PATH, KUIPER__BASIC__RESTPORT: "0", KUIPER__BASIC__PLUGINHOSTS: "" };
  const script = `${setup}; exec "$@"`;
  const args = ["-c", script, "sh", process.execPath, COMMAND, "doctor", "--base", base, "--json"];
  const { stdout, status } = spawnSync("/bin/sh", args, {
    env,
    encoding: "utf8",
    ...(user && { uid: user, gid: user }),
  });
  const { findings } = JSON.parse(stdout) as { findings: { check: string; state: string; message: string }[] };
  return {
    status,
    of: (check: string) =>
      findings.filter((one) => one.check === check).map(({ state, message }) => `${state}: ${message}`),
  };
}

describe("the user and its limits", () => {
  test("a umask, open files and a user that hinder", async () => {
    await chmod(base, 0o755);
    const { of } = run("umask 077; ulimit -n 256", { user: NOBODY });
    expect(of("umask")).toEqual([
      "warning: with the umask 077, an engine of another user can't read what install.sh makes",
    ]);
    expect(of("open-files")).toEqual([
      `warning: this user (${NOBODY}) may have 256 files open, and http.maxConnections (1024) needs 1152`,
    ]);
    expect(of("user")).toEqual([`ok: this user (${NOBODY}) is not root`]);
    expect(of("folders").filter((line) => line.startsWith("failure")).length).toBeGreaterThan(0);
  });

  test("folders and locks that another user has made", async () => {
    await mkdir(join(base, "plugins"));
    await mkdir(join(base, "etc"));
    await chown(join(base, "plugins"), NOBODY, NOBODY);
    await chown(join(base, "etc"), NOBODY, NOBODY);
    await chmod(base, 0o755);
    await mkdir(join(base, "plugins/.changes"), { mode: 0o700 });
    await writeFile(join(base, "plugins/.lock"), "", { mode: 0o600 });
    const { of, status } = run(":", { user: NOBODY });
    expect(of("folders").filter((line) => line.includes(".changes"))).toEqual([
      `failure: this user (${NOBODY}) may not read and write ${base}/plugins/.changes: it belongs to user 0, group 0, mode 700`,
    ]);
    expect(of("lock").at(-1)).toBe(
      `failure: ${base}/plugins/.lock can't be opened by this user (${NOBODY}): permission denied`,
    );
    expect(status).toBe(1);
  });

  test.skipIf(process.getuid?.() !== 0)("root, unless scripts are forbidden or signed", async () => {
    expect((await examine(base)).of("user")).toEqual([
      expect.stringMatching(/^warning: this user \(0\) is root, and so is each install\.sh/),
    ]);
    expect((await examine(base, { settings: { TRUST__REQUIRE: "true" } })).of("user")).toEqual([
      expect.stringMatching(/^ok: /),
    ]);
    expect((await examine(base, { settings: { INSTALLSCRIPT__ENABLED: "false" } })).of("user")).toEqual([
      expect.stringMatching(/^ok: /),
    ]);
  });
});

describe("memory", () => {
  /** A folder as the kernel shows it; the limits of the groups above count, too. */
  async function groups(lines: string, files: Record<string, string>) {
    const system = { proc: join(base, "proc"), cgroup: join(base, "cgroup") };
    await mkdir(join(system.proc, "self"), { recursive: true });
    await writeFile(join(system.proc, "self/cgroup"), lines);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(system.cgroup, path, ".."), { recursive: true });
      await writeFile(join(system.cgroup, path), text);
    }
    return (await examine(base, { system })).of("memory").map((line) => line.split(" ->")[0]);
  }
  const mib = (number: number) => `${number * 1024 * 1024}\n`;

  test("that is too little for an idle server, or for an install", async () => {
    expect(await groups("0::/a/b\n", { "a/memory.max": mib(48), "a/b/memory.max": "max\n" })).toEqual([
      "failure: 48 MiB of memory are less than an idle server has (56)",
    ]);
    expect(await groups("0::/a/b\n", { "a/memory.max": mib(80) })).toEqual([
      "warning: 80 MiB of memory do for an idle server, and not for an install (103)",
    ]);
    expect(await groups("0::/a/b\n", { "a/memory.max": mib(512) })).toEqual(["ok: 512 MiB of memory may be used"]);
  });

  test("with the older groups", async () => {
    const files = { "memory/docker/1/memory.limit_in_bytes": mib(32) };
    expect(await groups("5:cpu:/docker/1\n4:memory:/docker/1\n", files)).toEqual([
      "failure: 32 MiB of memory are less than an idle server has (56)",
    ]);
  });
});

describe("programs", () => {
  test("that are there and work", async () => {
    expect((await examine(base)).of("programs")).toEqual(["ok: flock works", "ok: prlimit works, or no limit is set"]);
  });

  test("that are missing, or do not work", async () => {
    const folder = await tempFolder();
    expect((await examine(base, { env: { PATH: folder } })).of("programs")).toEqual([
      expect.stringMatching(/^warning: flock is missing: two servers on one folder would not notice each other/),
      expect.stringMatching(/^warning: prlimit \(util-linux\) is missing or does not work here/),
    ]);
    for (const name of ["flock", "prlimit"])
      await symlink(execFileSync("which", ["false"], { encoding: "utf8" }).trim(), join(folder, name));
    expect((await examine(base, { env: { PATH: folder } })).of("programs")).toEqual([
      expect.stringMatching(/^warning: flock does not work here \(exit status 1\)/),
      expect.stringMatching(/^warning: prlimit \(util-linux\) is missing or does not work here/),
    ]);
  });
});

describe("settings", () => {
  test("that nothing reads, with the one that was meant", async () => {
    await mkdir(join(base, "etc"));
    await writeFile(join(base, "etc/kuiper.yaml"), "basic:\n  restPrt: 1\n  nonsense: 2\n");
    const findings = await examine(base, { env: { KUIPER__BASIC__RESTPROT: "1" } });
    expect(findings.of("settings")).toEqual([
      "warning: kuiper.yaml has a key that nothing reads: basic.restPrt -> it may mean basic.restPort, or remove it",
      expect.stringMatching(/^warning: .*: basic\.nonsense -> correct its name/),
      expect.stringMatching(
        /^warning: .*: KUIPER__BASIC__RESTPROT -> it may mean KUIPER__BASIC__RESTPORT, or remove it/,
      ),
    ]);
    expect(await readFile(join(base, "etc/kuiper.yaml"), "utf8")).toContain("restPrt");
  });
});
