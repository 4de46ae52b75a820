import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { test as fixtures } from "../support/fixtures.ts";
import { ask, post } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import type { ServerProcessOptions } from "../support/server-process.ts";
import { WARN } from "../support/test-log.ts";

/** A base folder has one server. */

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
