import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readdir, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { test as fixtures } from "../support/fixtures.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { METHOD } from "../support/zip-fields.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

const test = fixtures
  .extend("tmp", async ({ folder }) => {
    const tmp = join(folder, "tmp");
    await mkdir(tmp);
    return tmp;
  })
  .extend("run", ({ folder }) => (...args: string[]) => {
    const env = { PATH: process.env.PATH };
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  })
  .extend("startInspect", ({ folder }) => (stdout: "pipe" | number) => {
    return spawn(process.execPath, [MAIN, "inspect", "--json", "Random.so"], {
      cwd: folder,
      env: { PATH: process.env.PATH },
      stdio: ["ignore", stdout, "pipe"],
    });
  });

describe("inspect", () => {
  test("tells people what is wrong, and scripts by the exit status", async ({ folder, run }) => {
    await writePluginZip(folder, { type: "sources", name: "random", soContent: "no program" });
    const { status, stdout, stderr } = run("inspect", "random.zip");
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout).toMatch(/^random\.zip: incompatible\n {2}plugin random, version 1\.0\.0\n\n {2}NOT_ELF: .+\n$/);
  });

  test("prints JSON", async ({ folder, run }) => {
    await writePluginZip(folder, { type: "functions", name: "echo", soContent: "no program" });
    const { status, stdout } = run("inspect", "--json", "echo.zip");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      file: "echo.zip",
      name: "echo",
      version: "1.0.0",
      verdict: "incompatible",
      problems: [{ code: "NOT_ELF", message: expect.any(String) }],
    });
  });

  test("takes a .so", async ({ folder, run }) => {
    await writeFile(join(folder, "Random@v2.so"), "no program");
    const { status, stdout } = run("inspect", "Random@v2.so");
    expect([status, stdout]).toEqual([1, expect.stringContaining("plugin random, version 2")]);
  });

  test("names the plugin where the zip has several", async ({ folder, run }) => {
    const contents = { type: "sinks", name: "file", soContent: "no program", files: { "Other.so": "x" } } as const;
    await writePluginZip(folder, contents);
    const open = run("inspect", "file.zip");
    expect(open).toEqual({
      status: 3,
      stdout: "",
      stderr:
        "kuiper-plugin-server: file.zip: the zip has 2 .so files at its root; say with --name which plugin it is\n",
    });
    expect(run("inspect", "file.zip", "--name", "file").status).toBe(1);
  });

  test("names what a zip has in place of a .so at its root", async ({ folder, run }) => {
    const contents = { type: "sinks", name: "file", soContent: null, files: { "file/File.so": "x" } } as const;
    await writePluginZip(folder, contents);
    const { status, stderr } = run("inspect", "file.zip");
    const remedy = "found file/File.so: zip the folder's content, not the folder";
    expect([status, stderr]).toEqual([
      3,
      `kuiper-plugin-server: file.zip: the zip has no .so at its root; ${remedy}\n`,
    ]);
  });

  test("takes names with ./ before them, as tar writes them", async ({ folder, run }) => {
    const contents = { type: "sinks", name: "file", soContent: null, files: { "./File.so": "no program" } } as const;
    await writePluginZip(folder, contents);
    const { status, stdout } = run("inspect", "file.zip");
    expect([status, stdout]).toEqual([1, expect.stringContaining("plugin file\n")]);
  });

  test("leaves nothing behind", async ({ folder, tmp }) => {
    await writePluginZip(folder, { type: "sinks", name: "file", script: "touch ran", files: { "a/b": "x" } });
    const { status } = spawnSync(process.execPath, [MAIN, "inspect", "file.zip"], {
      cwd: folder,
      env: { PATH: process.env.PATH, TMPDIR: tmp },
    });
    expect(status).toBe(2); // there is no engine to compare with
    expect(await readdir(tmp)).toEqual([]);
  });

  test.for([
    [["nothere.zip"], /^kuiper-plugin-server: nothere\.zip: no such file or directory\n$/],
    [["broken.zip"], /^kuiper-plugin-server: broken\.zip: zip: not a valid zip file \(6 bytes, text\)\n$/],
    [[], /^kuiper-plugin-server: inspect needs the zip or the \.so of a plugin\n\nUsage:/],
    [["a.zip", "b.zip"], /takes one file, but there is also b\.zip\n\nUsage:/],
    [["a.zip", "--type", "things"], /--type is things; it should be one of sources, sinks, functions\n/],
    [["a.zip", "--nonsense"], /--nonsense/],
    [["a.zip", "--engine", ""], /: --engine is empty: leave it out, or give it a value\n/],
    [["a.zip", "--name="], /: --name is empty/],
    [["a.zip", "--type", ""], /: --type is empty/],
    [["."], /^kuiper-plugin-server: \.: it is a directory; name the zip or the \.so of a plugin\n$/],
    [["d.so"], /^kuiper-plugin-server: d\.so: it is a directory; .+\n$/],
    [["fifo.zip"], /^kuiper-plugin-server: fifo\.zip: it is a device, a pipe or a socket; .+\n$/],
    [["fifo.so"], /^kuiper-plugin-server: fifo\.so: it is a device, a pipe or a socket; .+\n$/],
  ] as const)("%j ends with 3 and says why", async ([args, sentence], { folder, run }) => {
    await writeFile(join(folder, "broken.zip"), "no zip");
    await mkdir(join(folder, "d.so"));
    execFileSync("mkfifo", ["fifo.zip", "fifo.so"], { cwd: folder });
    expect(run("inspect", ...args)).toEqual({ status: 3, stdout: "", stderr: expect.stringMatching(sentence) });
  });
});

describe("a standard output that fails", () => {
  async function endOf(child: ChildProcess) {
    const [stderr, [code]] = await Promise.all([text(child.stderr as Readable), once(child, "exit")]);
    return { stderr, code };
  }

  test.beforeEach(({ folder }) => writeFile(join(folder, "Random.so"), "no program"));

  test("because nobody reads on: the verdict is still the exit status", async ({ startInspect }) => {
    const child = startInspect("pipe");
    child.stdout?.destroy();
    expect(await endOf(child)).toEqual({ stderr: "", code: 1 });
  });

  test("because the disk is full: this is told, and not taken for a verdict", async ({ startInspect }) => {
    const full = await open("/dev/full", "w");
    try {
      const ended = await endOf(startInspect(full.fd));
      expect(ended).toEqual({ stderr: "kuiper-plugin-server: can't print: ENOSPC\n", code: 3 });
    } finally {
      await full.close();
    }
  });
});

/** A module that makes a process send itself a signal when it has opened its first temporary file: from outside it may come too late. */
function signalledAsItUnpacks(signal: NodeJS.Signals): string {
  const code = `
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const { open } = fs.promises;
    let isSent = false;
    fs.promises.open = async (path, ...more) => {
      const file = await open(path, ...more);
      if (!isSent && String(path).startsWith(process.env.TMPDIR)) isSent = process.kill(process.pid, "${signal}");
      return file;
    };
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

test.for(["SIGINT", "SIGTERM"] as const)("%s leaves nothing behind", async (signal, { folder, tmp }) => {
  const so = { name: "File.so", data: Buffer.alloc(150 * 1024 * 1024), method: METHOD.stored }; // packed, it would be refused
  await writePluginZip(folder, { type: "sinks", name: "file", soContent: null, extraEntries: [so] });
  const child = spawn(process.execPath, ["--import", signalledAsItUnpacks(signal), MAIN, "inspect", "file.zip"], {
    cwd: folder,
    env: { PATH: process.env.PATH, TMPDIR: tmp },
  });
  const printed = Promise.all([text(child.stdout), text(child.stderr)]);
  const ended = once(child, "exit");
  expect(await ended).toEqual([128 + constants.signals[signal], null]);
  expect(await printed).toEqual(["", ""]);
  expect(await readdir(tmp)).toEqual([]);
});

test("other arguments never start a server", ({ run }) => {
  expect(run("--help")).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Usage:/) });
  expect(run("--version")).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  expect(run("serve")).toMatchObject({ status: 3, stderr: expect.stringMatching(/there is no command serve\n/) });
});
