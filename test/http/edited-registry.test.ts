import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { stoppedServerTest as test } from "../support/fixtures.ts";
import { ask, post, remove } from "../support/http-client.ts";

/** A registry in which one plugin's entry names the files of another, by hand or by damage. */

test("a delete removes no other plugin's files, whatever the registry says", async ({ server, host }) => {
  await server.start();
  const install = (type: "sources" | "sinks", name: string) =>
    post(`${server.url}/plugins/${type}`, { name, file: host.serveZip({ type, name }) });
  for (const name of ["random", "other"]) expect((await install("sources", name))[0]).toBe(201);
  expect((await install("sinks", "random"))[0]).toBe(201);
  const file = join(server.base, "plugins/registry.json");
  const registry = JSON.parse(await readFile(file, "utf8"));
  const { sources, sinks } = registry.plugins;
  const others = [...sources.other.files, ...sinks.random.files, { path: "etc/sources/other.yaml", defaultOf: "x" }];
  sources.random.files.push(...others, { path: "etc/sources/random.json", defaultOf: "etc/sources/other.yaml" });
  sources.random.versions = [{ id: "a", version: "0.1", soFile: "Random@v0.1.so", files: sources.other.files }];
  await writeFile(file, JSON.stringify(registry));

  await server.start();
  const plugin = { type: "sources", name: "random" };
  expect(server.logged).toContainEqual(
    expect.objectContaining({ level: 40, plugin, files: expect.arrayContaining(["etc/sources/other.yaml"]) }),
  );
  expect((await remove(`${server.url}/plugins/sources/random`))[0]).toBe(200);
  const left = await server.files();
  expect(left?.filter((path) => /^(plugins|etc)\/sources\/random/i.test(path))).toEqual([]);
  for (const { path } of [...sources.other.files, ...sinks.random.files]) expect(left).toContain(path);
  for (const path of ["sources/other", "sinks/random"]) {
    expect((await ask(`${server.url}/plugins/${path}`))[0]).toBe(200);
    expect((await remove(`${server.url}/plugins/${path}`))[0]).toBe(200);
  }
});
