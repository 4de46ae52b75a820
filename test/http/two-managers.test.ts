import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { engine, plugin } from "../inspect/kit.ts";
import { serverTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";

/** Beside this server the engine itself, or another server, installs and removes plugins in the same folders. */

const test = serverTest()
  .extend("folder", ({ server }) => join(server.base, "plugins/sinks"))
  .extend("read", ({ server }) => async (path: string) => {
    const { status, text } = await send(`${server.url}/plugins${path}`);
    return status === 200 ? JSON.parse(text) : status;
  })
  .extend("install", ({ host, server }) => (version = "1.0.0") => {
    const file = host.serveZip({ type: "sinks", name: "random", version, soContent: plugin(), json: "{}" });
    return send(`${server.url}/plugins/sinks`, { method: "POST", body: { name: "random", file } });
  });

test.beforeEach(async ({ server }) => {
  await mkdir(join(server.base, "bin"), { recursive: true });
  await writeFile(join(server.base, "bin/kuiperd"), engine());
});

test.for(["/sinks", "", "/sinks/other", "/sinks/other/versions"])(
  "what the engine installed is known as soon as it is asked for: GET /plugins%s",
  async (path, { folder, read }) => {
    await read(path);
    await writeFile(join(folder, "Other@v1.2.so"), plugin());
    expect(JSON.stringify(await read(path))).toContain(path === "/sinks/other/versions" ? "1.2" : "other");
    expect(await read("/sinks/other")).toMatchObject({ name: "other", version: "1.2" });
  },
);

test("so are its functions", async ({ server, read }) => {
  expect(await read("/udfs")).toEqual([]);
  await writeFile(join(server.base, "plugins/functions/Echo.so"), plugin());
  expect(await read("/udfs/echo")).toEqual({ name: "echo", plugin: "echo" });
  expect(await read("/udfs")).toEqual(["echo"]);
});

test("another version that the engine put in its place is noticed", async ({ install, folder, read }) => {
  expect((await install()).status).toBe(201);
  await rename(join(folder, "Random@v1.0.0.so"), join(folder, "Random@v2.0.0.so"));
  expect(await read("/sinks/random")).toMatchObject({ version: "2.0.0", soFile: "Random@v2.0.0.so" });
});

test("after the engine removed a plugin the advice works: installing it again", async ({ install, folder, read }) => {
  expect((await install()).status).toBe(201);
  await rm(join(folder, "Random@v1.0.0.so"));
  expect(await read("")).toMatchObject([{ reason: expect.stringContaining("install the plugin again, or delete it") }]);
  expect((await install("1.1.0")).status).toBe(201);
  expect(await readdir(folder)).toEqual(["Random@v1.1.0.so"]);
  expect(await read("/sinks/random")).toMatchObject({ version: "1.1.0", compatibility: { verdict: "compatible" } });
  expect(await install("1.2.0")).toMatchObject({ status: 400, text: expect.stringContaining("duplicate") });
});

test("after the engine removed a plugin the advice works: deleting it", async ({ install, folder, read, server }) => {
  expect((await install()).status).toBe(201);
  await rm(join(folder, "Random@v1.0.0.so"));
  expect((await send(`${server.url}/plugins/sinks/random`, { method: "DELETE" })).status).toBe(200);
  expect(await read("/sinks")).toEqual([]);
  expect((await server.files()).filter((path) => /random/i.test(path))).toEqual([]);
});
