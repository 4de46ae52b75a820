import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { ask, post } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { ServerProcess, type ServerProcessOptions } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { WARN } from "../support/test-log.ts";

/** A base folder has one server. */

let base: string;
beforeEach(async () => {
  base = join(await tempFolder(), "base");
  await mkdir(base);
});

function launch(options: Partial<ServerProcessOptions> = {}): ServerProcess {
  const server = new ServerProcess({ base, ...options });
  onTestFinished(() => server.dispose());
  return server;
}

test("a second one is refused in one line, and the first goes on", async () => {
  const first = launch();
  const url = await first.url();
  const file = `file://${await writePluginZip(base, { type: "sinks", name: "random" })}`;
  expect((await post(`${url}/plugins/sinks`, { name: "random", file }))[0]).toBe(201);
  const before = await ask(`${url}/plugins/sinks/random`);

  for (const folder of [base, `${base}/../base/`]) {
    const second = launch({ base: folder });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.stderr).toBe(
      `kuiper-plugin-server: another server works on ${base}; stop it, or give this one a folder of its own\n`,
    );
    expect(second.stdout).toBe("");
  }
  expect(await ask(`${url}/plugins/sinks/random`)).toEqual(before);
  expect((await post(`${url}/plugins/sinks`, { name: "random", file }))[0]).toBe(400);
});

test.each(["SIGKILL", "SIGTERM"] as const)("after %s of the first the next one starts at once", async (signal) => {
  const first = launch();
  await first.url();
  first.kill(signal);
  await first.exited;
  const next = launch();
  expect(await ask(`${await next.url()}/plugins/sinks`)).toEqual([200, "[]"]);
  expect(next.log.filter(({ level }) => Number(level) >= WARN)).toEqual([]);
});

test("of two that start together one works", async () => {
  const both = [launch(), launch()];
  const started = await Promise.allSettled(both.map((server) => server.url()));
  expect(started.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

describe("without flock", () => {
  const command = ["env", "PATH=/nowhere", process.execPath] as const;

  test("a warning says that nothing keeps a second one away", async () => {
    const server = launch({ command });
    await server.output(/"msg":"ready"/);
    expect(server.log.filter(({ level }) => level === WARN)).toMatchObject([
      { code: "ENOENT", msg: expect.stringMatching(/^the base folder can't be locked \(is flock installed\?\)/) },
    ]);
    expect((await ask(`${await server.url()}/ping`))[0]).toBe(200);
  });
});
