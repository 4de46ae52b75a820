import { execFileSync } from "node:child_process";
import { getEventListeners, setMaxListeners } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import type { Config } from "../../../src/config/schema.ts";
import { PluginError } from "../../../src/domain/errors.ts";
import { GRACE_MS } from "../../../src/lib/command-group.ts";
import { createScriptRunner, type ScriptOutcome } from "../../../src/package/script/install-script.ts";
import { stall } from "../../support/stall.ts";
import { tempFolder } from "../../support/temp-folder.ts";

type ScriptConfig = Config["installScript"];

interface Run {
  readonly folder: string;
  readonly logged: { readonly level: number; readonly msg: string }[];
  /** The outcome, or the failure. */
  readonly result: Promise<ScriptOutcome>;
  readonly controller: AbortController;
}

const NO_LIMITS = { maxCpuSeconds: 0, maxMemoryBytes: 0, maxFileBytes: 0, maxProcesses: 0 };
const hasPrlimit = (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, "prlimit")));
const hasSetsid = (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, "setsid")));

async function start(
  script: string,
  {
    args = [],
    env = process.env,
    ...settings
  }: Partial<ScriptConfig> & { args?: string[]; env?: Record<string, string | undefined> } = {},
): Promise<Run> {
  const folder = await tempFolder();
  await writeFile(join(folder, "install.sh"), script, { mode: 0o644 });
  const config = { ...loadConfig(join(folder, "none.yaml"), {}).config.installScript, ...settings };
  const logged: Run["logged"] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const controller = new AbortController();
  const result = createScriptRunner({ config, env }).run({ folder, args, signal: controller.signal, log });
  result.catch(() => {});
  // Whatever a failed test leaves: all that runs in its folder.
  onTestFinished(() => {
    for (const pid of processesIn(folder)) process.kill(pid, "SIGKILL");
  });
  return { folder, logged, result, controller };
}

async function failure(...args: Parameters<typeof start>): Promise<string> {
  const { result } = await start(...args);
  const error = await result.then(
    () => new Error("it succeeded"),
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(PluginError);
  expect(error.code).toBe("SCRIPT_FAILED");
  expect(error.message).not.toMatch(/\p{Cc}/u);
  return error.message;
}

/** Processes whose working directory is `folder`: a script's are there. */
function processesIn(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === folder;
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function fileThere(path: string): Promise<void> {
  while (!existsSync(path)) await delay(5);
}

/** The same, and time passes for it when the test lets it: it may take more of that than its limit to come to `touch there`. */
async function startHeld(...args: Parameters<typeof start>): Promise<Run> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const run = await start(...args);
  await fileThere(join(run.folder, "there"));
  return run;
}

const lines = ({ logged }: Run) => logged.map(({ msg }) => msg);

describe("install.sh", () => {
  it("runs in its folder, without an execute bit, and finds itself by $0", async () => {
    const run = await start('pwd > where; cd /; cat "$(dirname "$0")/install.sh" > "$(dirname "$0")/copy"; echo "$0"');
    expect(await run.result).toMatchObject({ lastLines: [join(run.folder, "install.sh")] });
    expect(await readFile(join(run.folder, "where"), "utf8")).toBe(`${run.folder}\n`);
    expect(existsSync(join(run.folder, "copy"))).toBe(true);
  });

  it("gets each parameter as one argument, as it is", async () => {
    const args = ["a", "b c", "", "$(touch evil)", "'; touch evil #", "*", "--", "-x", "ü\n2"];
    const { folder, result } = await start('for arg; do printf "%s\\0" "$arg"; done > args', { args });
    await result;
    expect(await readFile(join(folder, "args"), "utf8")).toBe(args.map((arg) => `${arg}\0`).join(""));
    expect(existsSync(join(folder, "evil"))).toBe(false);
  });

  it("gets a small environment and no secret of the server's", async () => {
    const env = {
      PATH: process.env.PATH,
      HOME: "/home/me",
      AWS_SECRET: "x",
      KUIPER__A: "1",
      NODE_OPTIONS: "-x",
      https_proxy: "http://p:1",
      NO_PROXY: "a",
    };
    const { folder, result } = await start("env -0 > env", { env });
    await result;
    const got = (await readFile(join(folder, "env"), "utf8"))
      .split("\0")
      .filter((line) => !/^(_|PWD|OLDPWD|SHLVL|)(=|$)/.test(line));
    expect(got.sort()).toEqual([
      "HOME=/home/me",
      "LANG=C.UTF-8",
      "NO_PROXY=a",
      `PATH=${env.PATH}`,
      "TERM=dumb",
      "https_proxy=http://p:1",
    ]);
  });

  it("has a usual PATH and a HOME where the server has none", async () => {
    const { result } = await start('command -v sh >/dev/null && echo "$HOME $PATH"', { env: {} });
    expect((await result).lastLines).toEqual(["/ /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]);
  });

  it("has nothing to read on its standard input", async () => {
    const { result } = await start("cat; echo read");
    expect((await result).lastLines).toEqual(["read"]);
  });

  it("is refused where it is forbidden", async () => {
    const { folder, result } = await start("touch ran", { enabled: false });
    await expect(result).rejects.toMatchObject({
      code: "SCRIPT_FAILED",
      message: "install.sh is forbidden by installScript.enabled",
    });
    expect(existsSync(join(folder, "ran"))).toBe(false);
    const config = loadConfig("none.yaml", {}).config.installScript;
    expect(() => createScriptRunner({ config: { ...config, enabled: false }, env: {} }).assertAllowed()).toThrow(
      PluginError,
    );
    expect(() => createScriptRunner({ config, env: {} }).assertAllowed()).not.toThrow();
  });
});

describe("what a failed install.sh is told as", () => {
  const seven = "for n in 1 2 3 4 5 6 7; do echo line $n; done;";

  it.each<[string, string, Partial<ScriptConfig>, string]>([
    [
      "its last lines",
      `${seven} exit 3`,
      {},
      "install.sh failed: exit status 3: the last output of install.sh was: line 3 | line 4 | line 5 | line 6 | line 7",
    ],
    [
      "fewer lines",
      `${seven} exit 3`,
      { replyLines: 1 },
      "install.sh failed: exit status 3: the last output of install.sh was: line 7",
    ],
    ["no lines", `${seven} exit 3`, { replyLines: 0 }, "install.sh failed: exit status 3"],
    ["no output", "exit 1", {}, "install.sh failed: exit status 1: install.sh printed nothing"],
    [
      "blank lines",
      'printf "a\\n\\n \\nb\\n\\n"; exit 1',
      {},
      "install.sh failed: exit status 1: the last output of install.sh was: a | b",
    ],
    [
      "no line end",
      'printf "a\\nb"; exit 1',
      {},
      "install.sh failed: exit status 1: the last output of install.sh was: a | b",
    ],
    [
      "both outputs in their order",
      "for n in 1 2; do echo out $n; echo err $n >&2; done; exit 9",
      {},
      "install.sh failed: exit status 9: the last output of install.sh was: out 1 | err 1 | out 2 | err 2",
    ],
    [
      "a missing command",
      "set -e; PATH=/none no-such-command",
      {},
      "install.sh failed: exit status 127: the last output of install.sh was:",
    ],
    [
      "control characters and colours",
      `printf "\\033[31mred\\033[0m\\ta\\007b\\377c\\n 1%%\\r 50%%\\r100%%\\r\\n"; exit 1`,
      {},
      "install.sh failed: exit status 1: the last output of install.sh was: red a\\u0007b�c | 100%",
    ],
    ["killed", "kill -KILL $$", {}, "install.sh failed: signal: killed: install.sh printed nothing"],
    [
      "terminated",
      "echo x; kill -TERM $$",
      {},
      "install.sh failed: signal: terminated: the last output of install.sh was: x",
    ],
    ["a crash", "kill -SEGV $$", {}, "install.sh failed: signal: segmentation fault: install.sh printed nothing"],
    ["a killed command", "sh -c 'kill -KILL $$'; exit $?", {}, "install.sh failed: exit status 137:"],
  ])("%s", async (_, script, settings, message) => {
    const told = await failure(script, settings);
    if (message.endsWith(":")) expect(told.slice(0, message.length)).toBe(message);
    else expect(told).toBe(message);
  });

  it("long lines, cut", async () => {
    const told = await failure(`head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end; exit 1`);
    expect(told).toMatch(/^install\.sh failed: exit status 1: the last output of install\.sh was: x{300}… \| end$/);
  });

  it("parameters that the system can't take", async () => {
    expect(await failure("exit 0", { args: ["x".repeat(5_000_000)] })).toBe(
      "install.sh cannot be started: the shell parameters are too long for the system",
    );
    expect(await failure("exit 0", { args: ["a\0b"] })).toBe(
      "install.sh cannot be started: a shell parameter has a NUL character",
    );
  });

  it("a folder that is gone", async () => {
    const config = loadConfig("none.yaml", {}).config.installScript;
    const run = createScriptRunner({ config, env: process.env }).run({
      folder: join(await tempFolder(), "none"),
      args: [],
      signal: new AbortController().signal,
      log: pino({ level: "silent" }),
    });
    await expect(run).rejects.toMatchObject({
      code: "SCRIPT_FAILED",
      message: "install.sh cannot be started: no such file or directory",
    });
  });

  it("a script that is gone", async () => {
    const config = loadConfig("none.yaml", {}).config.installScript;
    const folder = await tempFolder();
    const run = createScriptRunner({ config, env: process.env }).run({
      folder,
      args: [],
      signal: new AbortController().signal,
      log: pino({ level: "silent" }),
    });
    await expect(run).rejects.toThrow(
      /^install\.sh failed: exit status (2|127): the last output of install\.sh was: .*install\.sh/,
    );
  });
});

describe("the time of install.sh", () => {
  it("ends it and all that it started", async () => {
    const start_ = Date.now();
    const run = await startHeld("echo begun; sleep 60 & touch there; sleep 60 | sleep 60", { timeoutSeconds: 0.3 });
    vi.advanceTimersByTime(300);
    await expect(run.result).rejects.toMatchObject({
      code: "SCRIPT_FAILED",
      message:
        "install.sh was ended after 0.3 s (installScript.timeoutSeconds): the last output of install.sh was: begun",
    });
    expect(Date.now() - start_).toBeLessThan(30_000);
    expect(processesIn(run.folder)).toEqual([]);
  });

  it("ends what does not want to end", async () => {
    const script = "trap '' TERM; touch there; while :; do sleep 60; done";
    const run = await startHeld(script, { timeoutSeconds: 0.3 });
    vi.advanceTimersByTime(300 + GRACE_MS);
    await expect(run.result).rejects.toThrow("install.sh was ended after 0.3 s");
    expect(processesIn(run.folder)).toEqual([]);
  });

  it("lets it clean up first", async () => {
    const script = "trap 'touch cleaned; exit 1' TERM; touch there; sleep 60 & wait";
    const run = await startHeld(script, { timeoutSeconds: 0.5 });
    vi.advanceTimersByTime(500);
    await expect(run.result).rejects.toThrow("install.sh was ended after 0.5 s");
    expect(existsSync(join(run.folder, "cleaned"))).toBe(true);
  });

  it("is not over for one that ended in time, during a stall of this process", async () => {
    const run = await start("echo begun; touch there; sleep 0.3; echo ended", { timeoutSeconds: 2 });
    await fileThere(join(run.folder, "there"));
    await stall(2500);
    expect(await run.result).toMatchObject({ lastLines: ["begun", "ended"] });
  });

  it("counts even if the script succeeds when it is ended", async () => {
    const run = await startHeld("trap 'exit 0' TERM; touch there; sleep 60 & wait", { timeoutSeconds: 0.3 });
    vi.advanceTimersByTime(300);
    await expect(run.result).rejects.toThrow(/^install\.sh was ended after/);
  });
});

describe("what install.sh leaves behind", () => {
  it("is ended with it, and not waited for", async () => {
    const run = await start("sleep 60 & (sleep 60 &) ; echo done");
    expect((await run.result).lastLines).toEqual(["done"]);
    while (processesIn(run.folder).length > 0) await delay(5); // ended, and then reaped by the system
  });

  it.skipIf(!hasSetsid)("is not waited for when it left the group with the output open", async () => {
    const started = performance.now();
    const run = await start("setsid sh -c 'touch away; exec sleep 60' & while [ ! -e away ]; do :; done; echo done");
    expect((await run.result).lastLines).toEqual(["done"]);
    expect(performance.now() - started).toBeLessThan(30_000);
    expect(processesIn(run.folder)).toHaveLength(1); // a service that a script starts does the same
  });

  it.skipIf(!hasSetsid)("is not waited for at the time limit either", async () => {
    const script = "setsid sh -c 'touch away; exec sleep 60' & while [ ! -e away ]; do :; done; touch there; sleep 60";
    const run = await startHeld(script, { timeoutSeconds: 0.5 });
    vi.advanceTimersByTime(500);
    vi.useRealTimers(); // its output, which stays open, has a limit as well
    await expect(run.result).rejects.toThrow("install.sh was ended after 0.5 s");
  });
});

describe("a cancelled install.sh", () => {
  const stopping = new PluginError("SHUTTING_DOWN", "the server stops");

  it.each([stopping, new Error("x"), "x"])("is ended with all that it started: %s", async (reason) => {
    const run = await start("sleep 60 & touch begun; sleep 60");
    await fileThere(join(run.folder, "begun"));
    run.controller.abort(reason);
    if (reason === stopping) await expect(run.result).rejects.toBe(stopping);
    else await expect(run.result).rejects.toMatchObject({ code: "SCRIPT_FAILED", message: "install.sh was cancelled" });
    while (processesIn(run.folder).length > 0) await delay(5);
  });

  it("does not begin when it was cancelled before", async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, "install.sh"), "touch ran");
    const config = loadConfig("none.yaml", {}).config.installScript;
    const signal = AbortSignal.abort(stopping);
    const run = createScriptRunner({ config, env: process.env }).run({
      folder,
      args: [],
      signal,
      log: pino({ level: "silent" }),
    });
    await expect(run).rejects.toBe(stopping);
    expect(existsSync(join(folder, "ran"))).toBe(false);
  });
});

describe("the output of install.sh", () => {
  it("is logged line by line", async () => {
    const run = await start(`printf 'one\\n\\ntwo \\303'; sleep 0.05; printf '\\274\\n'; echo three >&2; printf end`);
    expect((await run.result).outputBytes).toBe(21);
    expect(lines(run)).toEqual(["install.sh: one", "install.sh: two ü", "install.sh: three", "install.sh: end"]);
  });

  it("is logged up to its limit, and its end is kept all the same", async () => {
    const run = await start("n=0; while [ $n -lt 500 ]; do echo line $n; n=$((n+1)); done; exit 1", {
      maxOutputBytes: 1024,
      ...NO_LIMITS,
    });
    await expect(run.result).rejects.toThrow("line 495 | line 496 | line 497 | line 498 | line 499");
    const logged = lines(run);
    expect(logged.at(-1)).toBe("install.sh: output truncated after 1024 bytes (installScript.maxOutputBytes)");
    expect(
      logged
        .slice(0, -1)
        .map((line) => `${line.slice("install.sh: ".length)}\n`)
        .join("").length,
    ).toBeLessThanOrEqual(1025);
    expect(logged.filter((line) => line.includes("truncated"))).toHaveLength(1);
    expect(logged.length).toBeGreaterThan(100);
  });

  it("is not called truncated when it just fits", async () => {
    const run = await start("printf '%01024d' 0", { maxOutputBytes: 1024, ...NO_LIMITS });
    await run.result;
    expect(lines(run)).toEqual([`install.sh: ${"0".repeat(1024)}`]);
  });

  it("takes no memory and does not stop the server, however much it is", async () => {
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const before = process.memoryUsage().rss;
    const run = await start("yes | head -c 300000000; exit 4", { maxOutputBytes: 65_536 });
    await expect(run.result).rejects.toThrow(
      "install.sh failed: exit status 4: the last output of install.sh was: y | y | y | y | y",
    );
    clearInterval(timer);
    expect(process.memoryUsage().rss - before, "much less than the 300 MB of output").toBeLessThan(200 * 1024 * 1024);
    expect(longest, "not stopped until the output ends").toBeLessThan(10_000);
  });

  it("has no line that is too long", async () => {
    const run = await start("head -c 900000 /dev/zero | tr '\\0' x");
    await run.result;
    expect(lines(run)).toEqual([`install.sh: ${"x".repeat(2000)}…`]);
  });
});

describe("the limits of install.sh", () => {
  it.skipIf(!hasPrlimit)("are those of the configuration", async () => {
    const settings = { maxCpuSeconds: 7, maxMemoryBytes: 999_424_000, maxFileBytes: 1_000_000, maxProcesses: 4321 };
    const { folder, result } = await start("cat /proc/self/limits > limits", settings);
    await result;
    const soft = Object.fromEntries(
      readFileSync(join(folder, "limits"), "utf8")
        .split("\n")
        .map((line) => /^(Max [a-z ]+?) {2,}(\d+)/.exec(line)?.slice(1) ?? ["", ""]),
    );
    expect(soft).toMatchObject({
      "Max cpu time": "7",
      "Max address space": "999424000",
      "Max file size": "1000000",
      "Max processes": "4321",
    });
  });

  it.skipIf(!hasPrlimit)("end what goes over them, and are named", async () => {
    expect(await failure("while :; do :; done", { maxCpuSeconds: 1 })).toBe(
      "install.sh failed: signal: CPU time limit exceeded (installScript.maxCpuSeconds): install.sh printed nothing",
    );
    expect(await failure("head -c 2000000 /dev/zero > big; exit $?", { maxFileBytes: 1_000_000 })).toMatch(
      /^install\.sh failed: exit status 153 \(file size limit exceeded, installScript\.maxFileBytes\)/,
    );
    expect(
      await failure("x=$(head -c 200000000 /dev/zero | tr '\\0' x) || exit 5", { maxMemoryBytes: 50_000_000 }),
    ).toMatch(/^install\.sh failed: (exit status|signal)/);
  });

  it.skipIf(!hasPrlimit)("are no more than what the server itself may", async () => {
    const bin = await tempFolder();
    const real = execFileSync("/bin/sh", ["-c", "command -v prlimit"], { encoding: "utf8" }).trim();
    const fake = `#!/bin/sh\ncase "$*" in *--output*) echo CPU unlimited; echo FSIZE 12345;; *) exec ${real} "$@";; esac\n`;
    await writeFile(join(bin, "prlimit"), fake, { mode: 0o755 });
    const run = await start("grep 'Max file size' /proc/self/limits", { env: { PATH: `${bin}:${process.env.PATH}` } });
    expect((await run.result).lastLines).toEqual([expect.stringMatching(/^Max file size +12345 +12345 /)]);
    expect(run.logged.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it("are left out with one warning where there is no prlimit", async () => {
    const bin = await tempFolder();
    for (const program of ["sh", "cat"]) {
      const path = execFileSync("/bin/sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();
      await symlink(path, join(bin, program));
    }
    const config = loadConfig("none.yaml", {}).config.installScript;
    const runner = createScriptRunner({ config, env: { PATH: bin } });
    const warnings: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void warnings.push(JSON.parse(line).msg) });
    for (let n = 0; n < 3; n++) {
      const folder = await tempFolder();
      await writeFile(join(folder, "install.sh"), "cat /dev/null");
      await runner.run({ folder, args: [], signal: new AbortController().signal, log });
    }
    expect(warnings).toEqual([
      "prlimit (util-linux) is missing or does not work here: install.sh runs without installScript.maxCpuSeconds, " +
        "installScript.maxMemoryBytes, installScript.maxFileBytes, installScript.maxProcesses",
    ]);
  });

  it("are left out with the same warning where prlimit does not work", async () => {
    const bin = join(await tempFolder(), "bin");
    await mkdir(bin);
    await writeFile(join(bin, "prlimit"), "#!/bin/sh\nexit 1\n");
    await chmod(join(bin, "prlimit"), 0o755);
    const run = await start("echo ran", { env: { PATH: `${bin}:${process.env.PATH}` } });
    expect((await run.result).lastLines).toEqual(["ran"]);
    expect(lines(run)[0]).toMatch(/^prlimit \(util-linux\) is missing or does not work here/);
  });

  it.skipIf(!hasPrlimit)(
    "are there again when prlimit works again: a busy system may have kept it from starting",
    async () => {
      const bin = await tempFolder();
      const real = execFileSync("/bin/sh", ["-c", "command -v prlimit"], { encoding: "utf8" }).trim();
      const fake = `#!/bin/sh\n[ -e ${bin}/works ] || exit 1\nexec ${real} "$@"\n`;
      await writeFile(join(bin, "prlimit"), fake, { mode: 0o755 });
      const config = { ...loadConfig("none.yaml", {}).config.installScript, maxFileBytes: 12_345 };
      const runner = createScriptRunner({ config, env: { PATH: `${bin}:${process.env.PATH}` } });
      const warnings: string[] = [];
      const log = pino({ level: "warn" }, { write: (line: string) => void warnings.push(JSON.parse(line).msg) });
      const limits = async () => {
        const folder = await tempFolder();
        await writeFile(join(folder, "install.sh"), "grep 'Max file size' /proc/self/limits");
        return (await runner.run({ folder, args: [], signal: new AbortController().signal, log })).lastLines.join();
      };
      for (let n = 0; n < 2; n += 1) expect(await limits()).not.toContain("12345");
      await writeFile(join(bin, "works"), "");
      expect(await limits()).toMatch(/^Max file size +12345 +12345 /);
      expect(warnings).toEqual([expect.stringMatching(/^prlimit \(util-linux\) is missing or does not work here/)]);
    },
  );

  it("are not looked for where there are none", async () => {
    const run = await start("echo ran", { ...NO_LIMITS, env: { PATH: "/none" } });
    await run.result;
    expect(lines(run)).toEqual(["install.sh: ran"]);
  });
});

describe("many at once", () => {
  it("end without leaving a process, a listener or a descriptor", async () => {
    const { installScript: config } = loadConfig("none.yaml", {}).config;
    const runner = createScriptRunner({ config, env: process.env });
    const log = pino({ level: "silent" });
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const script = async (text: string) => {
      const folder = await tempFolder();
      await writeFile(join(folder, "install.sh"), text);
      return folder;
    };
    const counts = () => ({
      descriptors: readdirSync("/proc/self/fd").length,
      exit: process.listenerCount("exit"),
      abort: getEventListeners(signal, "abort").length,
    });
    await runner.run({ folder: await script("echo warm"), args: [], signal, log });
    const before = counts();
    const folders = await Promise.all(Array.from({ length: 20 }, (_, n) => script(`sleep 60 & echo ${n}`)));
    const outcomes = await Promise.all(folders.map((folder) => runner.run({ folder, args: [], signal, log })));
    expect(outcomes.map(({ lastLines }) => lastLines)).toEqual(folders.map((_, n) => [String(n)]));
    // Of files before this one, in this process, connections may have been closed meanwhile.
    const { descriptors, ...listeners } = counts();
    expect(listeners).toEqual({ exit: before.exit, abort: before.abort });
    expect(descriptors).toBeLessThanOrEqual(before.descriptors);
    for (const folder of folders) while (processesIn(folder).length > 0) await delay(5);
  });
});
