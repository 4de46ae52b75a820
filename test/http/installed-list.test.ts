import { expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";

/** One list of everything, for who wants to know what an upgrade of the engine breaks. */

const test = serverTest()
  .extend("installThree", ({ host, server }) => async (): Promise<void> => {
    for (const [type, name] of [
      ["sinks", "zmq"],
      ["sources", "random"],
      ["sinks", "file"],
    ] as const) {
      const file = host.serveZip({ type, name, soContent: "no program" });
      expect((await post(`${server.url}/plugins/${type}`, { name, file }))[0]).toBe(201);
    }
  })
  .extend("list", ({ server }) => async (query = "") => {
    return JSON.parse((await send(`${server.url}/plugins${query}`)).text);
  });

const names = (plugins: { type: string; name: string }[]) => plugins.map(({ type, name }) => `${type}/${name}`);

test("the list is empty at first", async ({ server }) => {
  expect(await ask(`${server.url}/plugins`)).toEqual([200, "[]"]);
});

test("the list has every plugin by type and name, with version, origin and verdict", async ({
  installThree,
  list,
  host,
}) => {
  await installThree();
  const all = await list();
  expect(names(all)).toEqual(["sources/random", "sinks/file", "sinks/zmq"]);
  expect(all[0]).toEqual({
    type: "sources",
    name: "random",
    version: "1.0.0",
    origin: host.url("/sources/random.zip"),
    signature: { state: "not-asked" },
    verdict: "incompatible",
    reason: expect.stringMatching(/ELF/),
  });
});

test("the list can be narrowed down", async ({ installThree, list }) => {
  await installThree();
  expect(names(await list("?type=sinks"))).toEqual(["sinks/file", "sinks/zmq"]);
  expect(names(await list("?type=functions"))).toEqual([]);
  expect(names(await list("?verdict=incompatible&type=sources"))).toEqual(["sources/random"]);
  expect(await list("?verdict=compatible")).toEqual([]);
});

test.for([
  ["?type=things", "parameter type is things; it should be one of sources, sinks, functions\n"],
  ["?verdict=good", "parameter verdict is good; it should be one of compatible, incompatible, unknown\n"],
  ["?type=sinks&type=sources", "parameter type should be given once, and not be empty\n"],
  ["?engine=", "parameter engine should be given once, and not be empty\n"],
])("the list refuses %s", async ([query, sentence], { server }) => {
  expect(await ask(`${server.url}/plugins${query}`)).toEqual([400, sentence]);
});

test("the list has no verdicts where nothing is inspected", async ({ server, installThree, list }) => {
  await server.start({ ENGINE__VERIFY: "off" });
  await installThree();
  expect(await list("?type=sources")).toMatchObject([{ name: "random", verdict: null }]);
  const { headers, text } = await send(`${server.url}/plugins/sources/random`);
  expect(headers).not.toHaveProperty("plugin-compatibility");
  expect(JSON.parse(text)).not.toHaveProperty("compatibility");
});
