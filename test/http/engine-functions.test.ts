import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { engine, plugin } from "../inspect/kit.ts";
import { AMD64 } from "../support/elf.ts";
import { serverTest } from "../support/fixtures.ts";
import { RUNTIME } from "../support/go-elf.ts";
import { API, goTypes } from "../support/go-types.ts";
import { ask, post } from "../support/http-client.ts";

/** Which functions of a plugin an engine finds by itself, by the engine's age. */

const OLD_API = "github.com/emqx/kuiper/xstream/api";
const test = serverTest({}).extend("put", ({ server }) => async (api: string, version = "") => {
  await mkdir(join(server.base, "bin"), { recursive: true });
  const bytes = engine({
    ...{ types: goTypes(AMD64, {}, 1, api), packages: { runtime: RUNTIME, [api]: "33", main: "22" } },
    ...(version === "" ? {} : { strings: { "main.Version.str": version } }),
  });
  await writeFile(join(server.base, "bin/kuiperd"), bytes);
});

test.for([
  [OLD_API, "", "looks for a plugin of the function's own name: build and install a plugin for each of sum avg"],
  [OLD_API, "1.0.2", "looks for a plugin of the function's own name"],
  [OLD_API, "1.2.1", "/plugins/functions/math/register of the engine"],
  [API, "", "/plugins/functions/math/register of the engine"],
] as const)("%s %s", async ([api, version, words], { put, server, host }) => {
  await put(api, version);
  const soContent = plugin({ exports: ["Math", "Sum", "Avg"].map((name) => `example.com/random.${name}`) });
  const file = host.serveZip({ type: "functions", name: "math", soContent });
  const expected = { found: ["math"], missing: ["sum", "avg"], remedy: expect.stringContaining(words) };
  const request = { name: "math", file, functions: ["math", "sum", "avg"] };
  const [, report] = await post(`${server.url}/plugins/functions/inspect`, request);
  expect(JSON.parse(report)).toMatchObject({ engineFunctions: expected });
  expect((await post(`${server.url}/plugins/functions`, request))[0]).toBe(201);
  const [, text] = await ask(`${server.url}/plugins/functions/math`);
  expect(JSON.parse(text)).toMatchObject({ engineFunctions: expected });
});

test("a plugin of one function is found", async ({ put, server, host }) => {
  await put(API);
  const file = host.serveZip({ type: "functions", name: "random", soContent: plugin() });
  expect((await post(`${server.url}/plugins/functions`, { name: "random", file }))[0]).toBe(201);
  const [, text] = await ask(`${server.url}/plugins/functions/random`);
  expect(JSON.parse(text).engineFunctions).toEqual({ found: ["random"] });
});
