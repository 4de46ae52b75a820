import { describe, expect } from "vitest";
import { remove, send } from "../support/http-client.ts";
import { inFrontTest } from "../support/in-front.ts";
import type { PluginContents } from "../support/plugin-zip.ts";

/** Names that the engine in front of which this server stands has built in, as it says itself. */

const BUILT_IN = (which: string) =>
  `the engine has the ${which} built in and never uses a plugin of that name; build the plugin under another name`;

for (const version of ["1.0.2", "1.8.0", "2.1.0"]) {
  const test = inFrontTest(version)
    .extend("problems", ({ server, get }) => async (path: string): Promise<string[]> => {
      void server;
      const { compatibility } = await get(`/plugins/${path}`);
      return compatibility.problems
        .filter(({ code }: { code: string }) => code === "BUILT_IN_NAME")
        .map(({ message }: { message: string }) => message);
    })
    .extend("inspected", ({ server, host }) => async (contents: PluginContents, more: object = {}) => {
      const { name, type } = contents;
      const body = { name, file: host.serveZip(contents), ...more };
      const { text } = await send(`${server.url}/plugins/${type}/inspect`, { method: "POST", body });
      const { problems, verdict } = JSON.parse(text);
      return [verdict, problems.map(({ code }: { code: string }) => code).includes("BUILT_IN_NAME")];
    });

  describe(`a name that ${version} has built in`, () => {
    // `memory` is in no table of what every engine has, and `zip_with` in none at all.
    test("is a problem of an inspection, an install and in the list", async ({
      start,
      install,
      inspected,
      problems,
      get,
      restartEngine,
    }) => {
      await start();
      const memory: PluginContents = { type: "sources", name: "memory" };
      expect(await inspected(memory)).toEqual(["incompatible", true]);
      expect((await install(memory)).status).toBe(201);
      expect(await problems("sources/memory")).toEqual([BUILT_IN("source memory")]);
      const functions = { functions: ["ZIP_WITH", "abs", "mine"] };
      await install({ type: "functions", name: "list" }, functions);
      expect(await problems("functions/list")).toEqual([BUILT_IN("function ZIP_WITH and abs")]);
      await restartEngine();
      expect(await get("/plugins?verdict=incompatible")).toHaveLength(2);
    });

    test("is none of an installed plugin, nor of a file of metadata without one", async ({
      start,
      install,
      problems,
      inspected,
      restartEngine,
      server,
      engine,
    }) => {
      await start();
      await install({ type: "sources", name: "mine" });
      await install({ type: "functions", name: "image" }, { functions: ["resize"] });
      await restartEngine();
      await server.start({ ENGINE__URL: engine.url });
      expect(await problems("sources/mine")).toEqual([]);
      expect(await problems("functions/image")).toEqual([]);
      expect(await inspected({ type: "sources", name: "random" })).toEqual(["unknown", false]); // no engine binary
      expect(await inspected({ type: "sources", name: "mine" })).toEqual(["unknown", false]);
      expect(await inspected({ type: "functions", name: "echo" })).toEqual(["unknown", false]);
      expect((await remove(`${server.url}/plugins/sources/mine`))[0]).toBe(200);
    });
  });
}

const test = inFrontTest("2.1.0");

describe("an engine that does not say what it has built in", () => {
  test("leaves the tables", async ({ start, engine, install, get }) => {
    engine.intercept = ({ path }, response) => {
      if (!path.startsWith("/metadata/")) return false;
      response.writeHead(500).end("no\n");
      return true;
    };
    await start();
    await install({ type: "sources", name: "mqtt" });
    const { compatibility } = await get("/plugins/sources/mqtt");
    expect(compatibility.problems.map(({ code }: { code: string }) => code)).toContain("BUILT_IN_NAME");
  });

  test("does not hold up installs for long by hanging", async ({ start, engine, install }) => {
    engine.intercept = ({ path }) => path.startsWith("/metadata/");
    await start({ ENGINE__TIMEOUTSECONDS: "60" }); // as long as the test may take
    for (const name of ["a", "b", "c"]) expect((await install({ type: "sources", name })).status).toBe(201);
  });

  test("may say anything", async ({ start, engine, install, get }) => {
    const answers = ["null", "{}", "[1,null,{}]", '[{"name":1,"type":"internal"}]', '[{"functions":{"name":"x"}}]'];
    for (const [index, text] of answers.entries()) {
      engine.intercept = ({ path }, response) => {
        if (!path.startsWith("/metadata/")) return false;
        response.end(text);
        return true;
      };
      if (index === 0) await start();
      else {
        await engine.restart();
        engine.age(-20 * index);
      }
      expect((await install({ type: "sinks", name: `sink${index}` })).status).toBe(201);
      expect(await get("/plugins")).toHaveLength(index + 1);
    }
  });
});

test("engine.verify: enforce refuses a name that the engine has built in", async ({ start, install }) => {
  await start({ ENGINE__VERIFY: "enforce" });
  const { status, text } = await install({ type: "sources", name: "memory" });
  expect([status, text]).toEqual([400, expect.stringContaining("the engine would not load this plugin")]);
});
