import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { describe, expect } from "vitest";
import { processTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import type { LogLine } from "../support/server-process.ts";

const test = processTest
  /** Ends the server, after which its log is complete. */
  .extend("wholeLog", ({ server }) => async (): Promise<LogLine[]> => {
    server.process.kill("SIGTERM");
    await server.process.exited;
    return server.process.log;
  });

describe("an install", () => {
  const zip = { type: "sinks", name: "random", script: "echo from the script" } as const;

  test("is one line for each stage and one in sum, all with the request's id", async ({ server, host, wholeLog }) => {
    const url = await server.start();
    const file = `${host.serveZip(zip).replace("://", "://joe:s3cret@")}`;
    expect((await post(`${url}/plugins/sinks`, { name: "random", file }))[0]).toBe(201);
    const log = await wholeLog();
    for (const line of log) expect(line).toMatchObject({ level: expect.any(Number), time: expect.any(Number) });
    expect(server.process.stdout).not.toMatch(/joe|s3cret/);

    const installed = log.find(({ msg }) => msg === "plugin installed");
    expect(installed).toMatchObject({
      reqId: expect.stringMatching(/./),
      plugin: { type: "sinks", name: "random" },
      version: "1.0.0",
      origin: file.replace("joe:s3cret", "***"),
      sha256: createHash("sha256").update(pluginZip(zip)).digest("hex"),
      bytes: pluginZip(zip).length,
      stages: {
        download: expect.any(Number),
        check: expect.any(Number),
        unpack: expect.any(Number),
        script: expect.any(Number),
        commit: expect.any(Number),
      },
    });
    const ofRequest = log.filter(({ reqId }) => reqId === installed?.reqId);
    expect(ofRequest.flatMap(({ stage }) => stage ?? [])).toEqual([
      ...["download", "check", "unpack"],
      ...["inspect", "script", "inspect"], // the script may have brought libraries
      "commit",
    ]);
    expect(ofRequest.map(({ msg }) => msg)).toContain("install.sh: from the script");
    expect(ofRequest.at(-1)).toMatchObject({
      msg: "request",
      method: "POST",
      url: "/plugins/sinks",
      status: 201,
      from: "127.0.0.1",
      ms: expect.any(Number),
    });
  });

  test("that is refused is found by the id of its reply", async ({ server, host, wholeLog }) => {
    const url = await server.start();
    const body = { name: "random", file: host.url("/none.zip") };
    const { status, headers, text } = await send(`${url}/plugins/sinks`, { method: "POST", body });
    expect(status).toBe(400);
    const lines = (await wholeLog()).filter(({ reqId }) => reqId === headers["x-request-id"]);
    expect(lines).toMatchObject([
      { msg: "audit", result: "DOWNLOAD_FAILED" },
      { msg: "request refused", code: "DOWNLOAD_FAILED", reason: expect.any(String) },
      { msg: "request", status: 400 },
    ]);
    expect(text).toContain(lines[0]?.reason);
  });

  test("and its delete are logged with what was deleted", async ({ server, host, wholeLog }) => {
    const url = await server.start();
    await post(`${url}/plugins/sinks`, { name: "random", file: host.serveZip(zip) });
    expect((await ask(`${url}/plugins/sinks/random`, { method: "DELETE" }))[0]).toBe(200);
    const plugin = { type: "sinks", name: "random" };
    expect(await wholeLog()).toContainEqual(
      expect.objectContaining({ msg: "plugin deleted", plugin, version: "1.0.0" }),
    );
  });
});

describe("reads are logged", () => {
  const reads = (log: LogLine[]) => log.filter(({ msg }) => msg === "request").map(({ url }) => url);

  test("with debug", async ({ server, wholeLog }) => {
    const url = await server.start({ settings: { BASIC__DEBUG: "true" } });
    await ask(`${url}/plugins/sinks?token=secret`);
    const log = await wholeLog();
    expect(reads(log)).toEqual(["/plugins/sinks?token=***"]);
    expect(log.some(({ level }) => level === 20)).toBe(true);
  });

  test("not without debug", async ({ server, wholeLog }) => {
    const url = await server.start();
    await ask(`${url}/plugins/sinks`);
    await ask(`${url}/ping`);
    const log = await wholeLog();
    expect(reads(log)).toEqual([]);
    expect(log.filter(({ level }) => Number(level) < 30)).toEqual([]);
  });
});

describe("lines for people", () => {
  test("are written with log.format=pretty", async ({ server }) => {
    await server.start({ settings: { LOG__FORMAT: "pretty" } });
    await server.process.output(/ready/);
    expect(server.process.stdout).toMatch(/^\[?\d\d:\d\d:\d\d\.\d+\]? .*INFO.*: Server listening at http/m);
    for (const line of server.process.stdout.split("\n")) expect(line).not.toMatch(/^\{/);
  });

  const hasScript = spawnSync("script", ["--version"]).status === 0;
  test.skipIf(!hasScript)(
    "are written where standard output is a terminal (needs script of util-linux)",
    async ({ server }) => {
      const command = `exec ${process.execPath} "$1"`;
      const terminal = ["script", "-qefc", `sh -c '${command}' sh "$MAIN"`, "/dev/null"] as const;
      await server.launch({
        command: [
          "sh",
          "-c",
          `MAIN="$1" exec ${terminal.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(" ")}`,
          "sh",
        ],
      });
      await server.process.output(/INFO.*: .*Server listening at http/);
      expect(server.process.stdout).not.toContain('{"level"');
    },
  );

  test("are not written to a pipe by themselves", async ({ server }) => {
    await server.start();
    await server.process.output(/"msg":"ready"/);
    expect(server.process.log.length).toBeGreaterThan(0); // which parses every line
  });
});
