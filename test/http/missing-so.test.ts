import { mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { engine, plugin } from "../inspect/kit.ts";
import { serverTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";

/** A .so that is gone, or that can't be read, is a matter of its plugin and of no other. */

const test = serverTest()
  .extend("so", ({ server }) => join(server.base, "plugins/sinks/Random@v1.0.0.so"))
  .extend(
    "install",
    ({ host, server }) =>
      async (type: "sinks" | "sources", name: string, soContent: Buffer | string) => {
        const file = host.serveZip({ type, name, soContent });
        await send(`${server.url}/plugins/${type}`, { method: "POST", body: { name, file } });
      },
  )
  .extend("list", ({ server }) => async (query = "") => {
    return JSON.parse((await send(`${server.url}/plugins${query}`)).text);
  })
  .extend("compatibility", ({ server }) => async () => {
    return JSON.parse((await send(`${server.url}/plugins/sinks/random`)).text).compatibility;
  });

test.beforeEach(async ({ server }) => {
  await mkdir(join(server.base, "bin"), { recursive: true });
  await writeFile(join(server.base, "bin/kuiperd"), engine());
});

test.for(["", "?engine=bin/kuiperd"])(
  "the list says which .so is gone, and judges the others: GET /plugins%s",
  async (query, { install, so, list }) => {
    await install("sinks", "random", plugin());
    await install("sources", "text", "no program");
    await rm(so);
    expect(await list(query)).toMatchObject([
      { name: "text", verdict: "incompatible", reason: expect.stringContaining("ELF") },
      { name: "random", verdict: "incompatible", reason: expect.stringContaining("its .so is not there") },
    ]);
  },
);

test("describe says that the .so is gone, until it is back", async ({ install, so, compatibility }) => {
  await install("sinks", "random", plugin());
  const content = await readFile(so);
  await rm(so);
  expect(await compatibility()).toMatchObject({ verdict: "incompatible", problems: [{ code: "SO_MISSING" }] });
  await writeFile(so, content);
  expect(await compatibility()).toEqual({ verdict: "compatible", problems: [] });
});

test.for(["", "?engine=bin/kuiperd"])(
  "a .so that can't be read makes it unknown: %s",
  async (query, { install, so, list, compatibility, server }) => {
    await install("sinks", "random", plugin());
    await rm(so);
    await symlink(so, so);
    expect(await list(query)).toMatchObject([{ verdict: "unknown", reason: expect.stringMatching(/symbolic links/) }]);
    expect(await compatibility()).toMatchObject({ problems: [{ code: "INSPECTION_INCOMPLETE" }] });
    expect(server.logged).toContainEqual(
      expect.objectContaining({ level: 40, plugin: { type: "sinks", name: "random" } }),
    );
  },
);

test("while versions replace each other, every question is answered", async ({
  install,
  host,
  server,
  compatibility,
}) => {
  await install("sinks", "random", plugin());
  const versions = ["2.0.0", "3.0.0", "4.0.0", "5.0.0", "6.0.0", "7.0.0"];
  let isOver = false;
  const updates = (async () => {
    for (const version of versions) {
      const file = host.serveZip({ type: "sinks", name: "random", version, soContent: plugin() });
      expect((await send(`${server.url}/plugins/sinks/random`, { method: "PUT", body: { file } })).status).toBe(200);
    }
    isOver = true;
  })();
  while (!isOver) {
    for (const path of ["?engine=bin/kuiperd", "", "/sinks/random"]) {
      const { status, text } = await send(`${server.url}/plugins${path}`);
      expect([status, text]).toEqual([200, expect.stringContaining("random")]);
    }
  }
  await updates;
  expect(await compatibility()).toEqual({ verdict: "compatible", problems: [] });
});

test("where nothing is inspected a .so that is gone is no matter", async ({ server, install, list }) => {
  await server.start({ ENGINE__VERIFY: "off" });
  await install("sinks", "random", "no program");
  await rm(join(server.base, "plugins/sinks/Random@v1.0.0.so"));
  expect(await list()).toMatchObject([{ name: "random", verdict: null }]);
});

/** Libraries are looked for only where the engine's C library is this system's. */
const hasGlibc = "glibcVersionRuntime" in (process.report.getReport() as { header: object }).header;

test.runIf(hasGlibc)(
  "a library that came is noticed, and looking in vain writes nothing",
  async ({ server, install, compatibility }) => {
    await writeFile(join(server.base, "bin/kuiperd"), engine({ needed: ["libc.so.6"] }));
    await install("sinks", "random", plugin({ needed: ["libc.so.6", "libforeign.so"], runpath: "$ORIGIN" }));
    const problems = async () => (await compatibility()).problems.map(({ code }: { code: string }) => code);
    expect(await problems()).toEqual(["LIBRARY_MISSING"]);
    const registry = async () => (await stat(join(server.base, "plugins/registry.json"), { bigint: true })).ctimeNs;
    const before = await registry();
    await server.compareWithEngine();
    expect(await problems()).toEqual(["LIBRARY_MISSING"]);
    expect(await registry()).toBe(before);
    await writeFile(join(server.base, "plugins/sinks/libforeign.so"), plugin());
    expect(await problems()).toEqual([]);
    expect(await registry()).not.toBe(before);
  },
);
