import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, vi } from "vitest";
import { runRestartCommand } from "../../src/engine/restart/restart-command.ts";
import { GRACE_MS } from "../../src/lib/command-group.ts";
import { test as base } from "../support/fixtures.ts";
import { stall } from "../support/stall.ts";

/** The command that restarts the engine: how it ends, and what is known of it then. */

const test = base.extend("run", ({ folder }) => (script: string, timeoutSeconds = 60, signal?: AbortSignal) => {
  const command = ["sh", "-c", script];
  const { PATH } = process.env;
  return runRestartCommand({
    command,
    folder,
    env: { PATH },
    timeoutSeconds,
    signal: signal ?? new AbortController().signal,
  });
});

describe("a command", () => {
  test("that works leaves its last lines", async ({ run }) => {
    expect(await run("echo one; echo; echo two >&2")).toEqual({ lastLines: ["one", "two"] });
  });

  test("that fails says so", async ({ run }) => {
    expect(await run("echo no such unit; exit 5")).toEqual({
      failure: "failed with exit status 5",
      lastLines: ["no such unit"],
    });
    expect(await run("kill -9 $$")).toEqual({ failure: "was ended by SIGKILL", lastLines: [] });
  });

  test("that is not there says so", async ({ folder }) => {
    const end = await runRestartCommand({
      command: ["/no/such/program"],
      folder,
      env: {},
      timeoutSeconds: 60,
      signal: new AbortController().signal,
    });
    expect(end.failure).toBe("failed with exit status 127");
    expect(end.lastLines.join()).toMatch(/\/no\/such\/program.*not found/);
  });

  test("that hangs is ended with its children", async ({ run, folder }) => {
    // Time passes when the test lets it: more than that may be over before the command has begun.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const running = run("trap '' TERM; echo begun; (echo $$ > child; exec sleep 3600) & wait; sleep 3600", 0.2);
    while (!existsSync(join(folder, "child"))) await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(200 + GRACE_MS);
    expect(await running).toEqual({
      failure: "did not end within 0.2 s (engine.restartTimeoutSeconds)",
      lastLines: ["begun"],
    });
  });

  test("that floods its output is read to its end, and little of it is kept", async ({ run }) => {
    const { failure, lastLines } = await run(
      "yes 'a line of no interest' | head -c 30000000; printf '\\n\\033[31mred\\tend\\033[0m\\n'",
    );
    expect(failure).toBeUndefined();
    expect(lastLines).toHaveLength(10);
    expect(lastLines.at(-1)).toBe("red end");
  });

  test("that leaves a process behind does not wait for it, nor end it", async ({ run, folder }) => {
    const { failure } = await run("sleep 3600 & echo $! > engine.pid");
    expect(failure).toBeUndefined();
    const pid = Number(await readFile(join(folder, "engine.pid"), "utf8"));
    expect(process.kill(pid, 0)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  test("that has ended in time is not taken for a late one after a stall, and what it started lives", async ({
    run,
    folder,
  }) => {
    const running = run("sleep 3600 > sleeping & echo $! > engine.pid; echo begun; sleep 0.3; echo ended", 2);
    while (!existsSync(join(folder, "engine.pid"))) await new Promise((resolve) => setImmediate(resolve));
    await stall(2500);
    expect(await running).toEqual({ lastLines: ["begun", "ended"] });
    const pid = Number(await readFile(join(folder, "engine.pid"), "utf8"));
    expect((await readFile(`/proc/${pid}/stat`, "utf8")).split(" ")[2]).toBe("S");
    process.kill(pid, "SIGKILL");
  });

  test("goes on when this server ends", async ({ run, folder }) => {
    const closing = new AbortController();
    const script = "mkfifo go; echo > started; read line < go; echo $line > ended";
    const running = run(script, 60, closing.signal);
    while (!existsSync(join(folder, "started"))) await new Promise((resolve) => setImmediate(resolve));
    closing.abort(new Error("closing"));
    await expect(running).rejects.toThrow("closing");
    const { writeFile } = await import("node:fs/promises");
    await writeFile(join(folder, "go"), "well\n");
    while (!existsSync(join(folder, "ended"))) await new Promise((resolve) => setImmediate(resolve));
  });
});
