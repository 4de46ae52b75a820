import { spawnSync } from "node:child_process";
import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { parseExposition, sampleValue } from "../support/exposition.ts";
import { processTest as test } from "../support/fixtures.ts";
import { ask, post } from "../support/http-client.ts";
import type { RestartableServer } from "../support/server-process.ts";

/** Nobody reads the log any more: a shipper that hangs, a `docker logs` that was stopped, a terminal multiplexer. */

const settings = { LOG__MAXBUFFERBYTES: "65536" };

/** More than a pipe, a socket, the reader's own buffers and the server's hold together. */
const REQUESTS = 600;

/** What standard output is: Node gives a child a socket; a shell gives it a pipe, whose reader stalls with its own. */
const OUTPUTS = {
  socket: () => [process.execPath] as const,
  pipe: (fifo: string) => {
    const script = `mkfifo ${fifo}; cat < ${fifo} & exec ${process.execPath} "$@" > ${fifo}`;
    return ["sh", "-c", script, "sh"] as const;
  },
};

describe.each(["socket", "pipe"] as const)("a %s that nobody reads", (kind) => {
  for (const format of ["json", "pretty"]) {
    test(`holds up no request, and has the count of the lost lines when it is read again (${format})`, async ({
      server,
      folder,
    }) => {
      await start(server, OUTPUTS[kind](join(folder, "out")), format);
      await fill(server);
      expect((await ask(`${server.url}/ping`))[0]).toBe(200);
      const figures = parseExposition((await ask(`${server.url}/metrics`))[1]);
      expect(sampleValue(figures, "kuiper_plugins_log_lines_dropped_total", { to: "log" })).toBeGreaterThan(10);

      server.process.readOutput();
      await server.process.output(/\d+ lines of the log were dropped/);
      /** More than one count where the reader was slow before it stalled. */
      const lost = () => {
        const counts = server.process.stdout.matchAll(/(\d+) lines of the log were dropped/g);
        return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
      };
      const logged = () => server.process.stdout.split("\n").filter((line) => line.includes("/long")).length;
      if (format === "json") await expect.poll(() => logged() + lost()).toBe(REQUESTS);
      expect(lost()).toBeGreaterThan(10);
      await post(`${server.url}/after`, {});
      await server.process.output(/\/after/);
      if (format === "json")
        for (const line of server.process.log) expect(line).toMatchObject({ time: expect.any(Number) });
    });
  }

  test("does not keep the server from ending", async ({ server, folder }) => {
    await start(server, OUTPUTS[kind](join(folder, "out")));
    await fill(server);
    server.process.kill("SIGTERM");
    expect(await server.process.ended).toEqual({ code: 0, signal: null });
  });
});

test("the last lines reach a reader that was late", async ({ server }) => {
  await server.start();
  server.process.stallOutput();
  for (let request = 0; request < 100; request += 1) await post(`${server.url}/long${"x".repeat(1500)}`, {});
  server.process.readOutput();
  server.process.kill("SIGTERM");
  expect(await server.process.exited).toEqual({ code: 0, signal: null });
  expect(server.process.log.filter(({ msg }) => msg === "request")).toHaveLength(100);
  expect(server.process.log.at(-1)).toMatchObject({ msg: "stopped" });
});

test("a URL is logged in part, with no part of a password", async ({ server }) => {
  const url = await server.start();
  const long = "x".repeat(1980);
  await post(`${url}/${"a".repeat(10_000)}`, {});
  await post(`${url}/?file=http://joe:s3cret${long}@host/`, {});
  await post(`${url}/?file=${long}&token=s3cret${long}`, {});
  server.process.kill("SIGTERM");
  await server.process.exited;
  expect(server.process.stdout).not.toMatch(/s3cret/);
  const urls = server.process.log.filter(({ msg }) => msg === "request").map((line) => String(line.url));
  expect(urls).toHaveLength(3);
  for (const logged of urls) expect(logged).toMatch(/^.{1,2001}$/);
  expect(urls[0]).toBe(`/${"a".repeat(1999)}…`);
});

describe("log.auditFile is a FIFO", () => {
  const zipless = { name: "x", file: "http://127.0.0.1:1/x.zip" };

  test("that nobody reads: the start is refused with what to do", async ({ server, folder }) => {
    const fifo = makeFifo(folder);
    const { exited } = await server.launch({ settings: { LOG__AUDITFILE: fifo } });
    expect((await exited).code).toBe(1);
    expect(server.process.stderr).toMatch(/log\.auditFile is .*: it is a FIFO that nobody reads, .*start its reader/);
  });

  test("whose reader stalls: changes are answered, and the log has the count once it reads", async ({
    server,
    folder,
  }) => {
    const fifo = makeFifo(folder);
    await using reader = await open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const url = await server.start({
      settings: { ...settings, LOG__AUDITFILE: fifo, PLUGINDOWNLOAD__MAXRETRIES: "0" },
    });
    for (let change = 0; change < 800; change += 1) {
      expect((await post(`${url}/plugins/sinks`, zipless))[0]).toBe(400);
    }
    const buffer = Buffer.alloc(1024 * 1024);
    const dropped = server.process.output(/"dropped":(\d+),"msg":"\d+ lines of the audit were dropped/);
    let text = "";
    let count: number | undefined;
    void dropped.then(([, lines]) => {
      count = Number(lines);
    });
    while (count === undefined) {
      const { bytesRead } = await reader.read(buffer).catch(() => ({ bytesRead: 0 })); // EAGAIN: nothing more yet
      text += buffer.toString("utf8", 0, bytesRead);
      await ask(`${url}/ping`);
    }
    const { bytesRead } = await reader.read(buffer).catch(() => ({ bytesRead: 0 }));
    text += buffer.toString("utf8", 0, bytesRead);
    const lines = text.trimEnd().split("\n");
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ action: "install" });
    expect(lines.length + count).toBe(800);
  });

  test("(a file of its own is written as ever)", async ({ server, folder }) => {
    const file = join(folder, "logs/audit.log");
    const url = await server.start({ settings: { LOG__AUDITFILE: file, PLUGINDOWNLOAD__MAXRETRIES: "0" } });
    await post(`${url}/plugins/sinks`, zipless);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ action: "install" });
  });
});

async function start(
  server: RestartableServer,
  command: readonly [string, ...string[]],
  format = "json",
): Promise<void> {
  await server.start({ command, settings: { ...settings, LOG__FORMAT: format } });
}

/** Requests one after the other, so that each reply proves that the line of the one before held nothing up. */
async function fill(server: RestartableServer): Promise<void> {
  server.process.stallOutput();
  for (let request = 0; request < REQUESTS; request += 1) {
    expect((await post(`${server.url}/long${"x".repeat(8000)}`, {}))[0]).toBe(404);
  }
}

function makeFifo(folder: string): string {
  const fifo = join(folder, "audit.fifo");
  expect(spawnSync("mkfifo", [fifo]).status).toBe(0);
  return fifo;
}
