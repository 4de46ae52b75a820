import { spawnSync } from "node:child_process";
import { chmod, chown, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { test as fixtures } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import type { ServerProcessOptions } from "../support/server-process.ts";
import { WARN } from "../support/test-log.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";
import { NOBODY } from "../support/without-root.ts";

/** A base folder has one server, and so has each of its two folders. */

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

const test = fixtures
  .extend("base", async ({ folder }) => {
    const base = join(folder, "base");
    await mkdir(base);
    return base;
  })
  .extend("start", ({ launch, base }) => (options: Partial<ServerProcessOptions> = {}) => {
    return launch({ base, ...options });
  });

test("a second server is refused in one line, and the first goes on", async ({ start, base }) => {
  const first = start();
  const url = await first.url();
  const file = `file://${await writePluginZip(base, { type: "sinks", name: "random" })}`;
  expect((await post(`${url}/plugins/sinks`, { name: "random", file }))[0]).toBe(201);
  const before = await ask(`${url}/plugins/sinks/random`);

  for (const folder of [base, `${base}/../base/`]) {
    const second = start({ base: folder });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.stderr).toBe(
      `kuiper-plugin-server: another server works on ${base}; stop it, or give this one a folder of its own\n`,
    );
    expect(second.stdout).toBe("");
  }
  expect(await ask(`${url}/plugins/sinks/random`)).toEqual(before);
  expect((await post(`${url}/plugins/sinks`, { name: "random", file }))[0]).toBe(400);
});

test.for(["SIGKILL", "SIGTERM"] as const)(
  "after %s of the first server the next one starts at once",
  async (signal, { start }) => {
    const first = start();
    await first.url();
    first.kill(signal);
    await first.exited;
    const next = start();
    expect(await ask(`${await next.url()}/plugins/sinks`)).toEqual([200, "[]"]);
    expect(next.log.filter(({ level }) => Number(level) >= WARN)).toEqual([]);
  },
);

test("of two servers that start together one works", async ({ start }) => {
  const both = [start(), start()];
  const started = await Promise.allSettled(both.map((server) => server.url()));
  expect(started.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

describe("of two base folders", () => {
  /** Another one, in which these folders are those of the first. */
  const sharing = async (base: string, ...volumes: ("plugins" | "etc")[]) => {
    const other = `${base}-2`;
    await mkdir(other);
    for (const volume of volumes) {
      await mkdir(join(base, volume), { recursive: true });
      await symlink(join(base, volume), join(other, volume));
    }
    return other;
  };

  test.for(["plugins", "etc"] as const)(
    "that share only %s the second one is refused, and nothing of the first is removed",
    async (volume, { start, base }) => {
      const other = await sharing(base, volume);
      const first = start();
      const url = await first.url();
      for (const version of ["1.0.0", "2.0.0"]) {
        const zip = await writePluginZip(base, { type: "sources", name: "random", version, etc: { "a.txt": version } });
        const body = JSON.stringify({ name: "random", file: `file://${zip}` });
        const path = version === "1.0.0" ? "/plugins/sources" : "/plugins/sources/random";
        const { status } = await send(url + path, { method: version === "1.0.0" ? "POST" : "PUT", body });
        expect(status).toBeLessThan(300);
      }
      const kept = await readdir(join(base, "etc/.versions"));
      expect(kept).not.toEqual([]);

      const second = start({ base: other });
      expect(await second.exited).toEqual({ code: 1, signal: null });
      expect(second.stderr).toBe(
        `kuiper-plugin-server: another server works on ${join(base, volume)}; stop it, or give this one a folder of its own\n`,
      );
      expect(await readdir(join(base, "etc/.versions"))).toEqual(kept);

      first.kill("SIGKILL");
      await first.exited;
      const next = start({ base: other });
      expect((await ask(`${await next.url()}/ping`))[0]).toBe(200);
    },
  );

  test.for(["plugins", "etc"] as const)(
    "that share only %s one of two that start together works",
    async (volume, { start, base }) => {
      const both = [start({ base: await sharing(base, volume) }), start()];
      const started = await Promise.allSettled(both.map((server) => server.url()));
      expect(started.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    },
  );

  test("that share nothing both work", async ({ start, base }) => {
    const both = [start({ base: await sharing(base) }), start()];
    for (const server of both) expect((await ask(`${await server.url()}/ping`))[0]).toBe(200);
  });
});

test("one folder for both is no second server", async ({ start, base }) => {
  await mkdir(join(base, "plugins"));
  await symlink("plugins", join(base, "etc"));
  expect((await ask(`${await start().url()}/ping`))[0]).toBe(200);
});

describe.skipIf(!CAN_MOUNT)("an etc that can't be written (needs the right to mount)", () => {
  const FOLDERS = ["etc/sources", "etc/sinks", "etc/functions"];

  test("read-only, it needs no lock: the start is as ever", async ({ start, base }) => {
    const disk = tinyDisk(64 * 1024);
    await symlink(disk.folder, join(base, "etc"));
    for (const folder of FOLDERS) await mkdir(join(base, folder));
    disk.setReadOnly(true);
    const server = start();
    await server.output(/"msg":"ready"/);
    expect(server.log.filter(({ level }) => Number(level) >= WARN)).toEqual([]);
    expect(await readdir(join(base, "etc"))).not.toContain(".lock");
    await server.dispose();
  });

  test("of another user, the log says that it has no lock, and the server works", async ({ start, base }) => {
    for (const folder of [...FOLDERS, "plugins"]) await mkdir(join(base, folder), { recursive: true });
    await chown(join(base, "plugins"), NOBODY, NOBODY);
    await chmod(join(base, ".."), 0o755);
    const server = start({ command: ["setpriv", `--reuid=${NOBODY}`, "--clear-groups", process.execPath] });
    await server.output(/"msg":"ready"/);
    expect(server.log.filter(({ level }) => Number(level) >= WARN)).toMatchObject([
      { err: { code: "EACCES", path: join(base, "etc/.lock") }, msg: "the folder etc could not be locked" },
    ]);
    expect((await ask(`${await server.url()}/plugins/sinks`))[0]).toBe(200);
  });
});

test("`inspect` works beside a server, and takes no lock", async ({ start, base }) => {
  await start().url();
  const zip = await writePluginZip(base, { type: "sinks", name: "random" });
  const env = { PATH: process.env.PATH, KuiperBaseKey: base };
  const { stderr, stdout } = spawnSync(process.execPath, [MAIN, "inspect", zip], { env, encoding: "utf8" });
  expect([stderr, stdout]).toEqual(["", expect.stringContaining("plugin random, version 1.0.0")]);
});

describe("without flock", () => {
  const command = ["env", "PATH=/nowhere", process.execPath] as const;

  test("a warning says that nothing keeps a second one away", async ({ start }) => {
    const server = start({ command });
    await server.output(/"msg":"ready"/);
    expect(server.log.filter(({ level }) => level === WARN)).toMatchObject([
      { code: "ENOENT", msg: expect.stringMatching(/^the base folder can't be locked \(is flock installed\?\)/) },
    ]);
    expect((await ask(`${await server.url()}/ping`))[0]).toBe(200);
  });
});
