import { copyFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { DOES_NOT_LOAD } from "../support/engine-stand-in.ts";
import { ask, remove, send } from "../support/http-client.ts";
import { inFrontTest } from "../support/in-front.ts";
import type { PluginContents } from "../support/plugin-zip.ts";

/** GET /engine, and whether the engine has loaded what is installed. */

const V1: PluginContents = { type: "sources", name: "random", version: "1.0.0" };
const V2: PluginContents = { ...V1, version: "2.0.0" };

const modern = inFrontTest("2.1.0").extend("state", ({ get }) => async (path = "/plugins/sources/random") => {
  const { engine, engineReason } = await get(path);
  return engineReason === undefined ? [engine] : [engine, engineReason];
});
const old = inFrontTest("1.0.2").extend("state", ({ get }) => async (path = "/plugins/sources/random") => {
  const { engine, engineReason } = await get(path);
  return engineReason === undefined ? [engine] : [engine, engineReason];
});

const CAME_LATER = "it was installed after the engine's start; restart the engine";

for (const version of ["1.0.2", "1.8.0", "2.1.0"]) {
  const test = inFrontTest(version);

  describe(`GET /engine with ${version}`, () => {
    test("says what waits for a restart, until the engine was restarted", async ({
      start,
      engine,
      server,
      install,
      update,
      get,
      restartEngine,
    }) => {
      await start();
      const nothing = { url: engine.url, reachable: true, version, restart: "none", pending: [] };
      expect(await get("/engine")).toMatchObject(nothing);
      expect((await get("/engine")).upTimeSeconds).toBeGreaterThanOrEqual(10);

      expect((await install(V1)).status).toBe(201);
      const { pending } = await get("/engine");
      expect(pending).toEqual([{ type: "sources", name: "random", change: "install", since: expect.any(String) }]);
      await server.start({ ENGINE__URL: engine.url, ENGINE__ACTIVATE: "false" });
      expect((await get("/engine")).pending).toEqual(pending);

      await restartEngine();
      await expect.poll(async () => (await get("/engine")).pending).toEqual([]);
      expect((await get("/plugins/sources/random")).engine).toBe(version === "1.0.2" ? "unknown" : "loaded");

      expect((await update(V2)).status).toBe(200);
      expect((await get("/engine")).pending).toMatchObject([{ name: "random", change: "update" }]);
      expect(await get("/plugins/sources/random")).toMatchObject({
        engine: "restart-required",
        engineReason: "the engine has version 1.0.0 of it, and version 2.0.0 is installed; restart the engine",
      });
      expect(await get("/plugins")).toMatchObject([{ name: "random", engine: "restart-required" }]);
      expect((await remove(`${server.url}/plugins/sources/random`))[0]).toBe(200);
      expect((await get("/engine")).pending).toMatchObject([{ name: "random", change: "delete" }]);
      await server.start({ ENGINE__URL: engine.url, ENGINE__ACTIVATE: "false" });
      expect((await get("/engine")).pending).toMatchObject([{ name: "random", change: "delete" }]);
    });
  });
}

describe("GET /engine", () => {
  modern("says how the engine is restarted", async ({ start, server, engine, get }) => {
    await start({ ENGINE__RESTART: "stop" });
    expect((await get("/engine")).restart).toBe("stop");
    await server.start({ ENGINE__URL: engine.url, ENGINE__RESTART: '["systemctl","restart","kuiper"]' });
    expect((await get("/engine")).restart).toBe("command");
  });

  modern("says that the engine can't be reached, and knows what waits", async ({ start, engine, install, get }) => {
    await start();
    await install(V1);
    await engine.stop();
    await expect.poll(async () => (await get("/engine")).reachable).toBe(false);
    expect(await get("/engine")).toEqual({
      url: engine.url,
      reachable: false,
      reason: expect.stringContaining(`the engine at ${engine.url} (engine.url) can't be reached`),
      version: null,
      upTimeSeconds: null,
      restart: "none",
      pending: [expect.objectContaining({ name: "random", change: "install" })],
    });
    expect(await get("/plugins/sources/random")).toMatchObject({
      engine: "unknown",
      engineReason: expect.stringContaining("can't be reached"),
      usedBy: null,
    });
    expect(await get("/plugins")).toMatchObject([{ engine: "unknown" }]);
  });

  modern(
    "notices an engine that starts after this server, before anybody asks",
    async ({ start, engine, install, get }) => {
      await start();
      await engine.stop();
      await install(V1);
      await engine.start();
      engine.age(-20);
      await expect.poll(async () => (await get("/engine")).pending).toEqual([]);
    },
  );

  modern("is a page that is not there without engine.url", async ({ server, install, get, engine }) => {
    await server.start();
    expect((await ask(`${server.url}/engine`))[0]).toBe(404);
    await install(V1);
    expect(Object.keys((await get("/plugins"))[0])).not.toContain("engine");
    expect(Object.keys(await get("/plugins/sources/random"))).toEqual(
      expect.not.arrayContaining(["engine", "engineReason", "usedBy"]),
    );
    expect(engine.asked).toEqual([]);
  });
});

describe("a plugin is", () => {
  modern(
    "failed where the engine leaves it out of its list",
    async ({ start, engine, install, state, restartEngine, get }) => {
      await start();
      await install({ ...V1, soContent: `${DOES_NOT_LOAD}plugin was built with a different version of package x\n` });
      await restartEngine();
      const reason =
        "the engine does not list it: it could not open it (see the engine's log), or its folder of plugins is another one than this server's";
      await expect.poll(() => state()).toEqual(["failed", reason]);
      engine.streams.push({ name: "demo", type: "random" });
      engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
      await expect
        .poll(() => state())
        .toEqual(["failed", `${reason}; rule rule1 stopped: source type random not found`]);
      expect(await get("/plugins")).toMatchObject([{ engine: "failed" }]);
    },
  );

  old(
    "loaded by an old engine where a rule that uses it runs",
    async ({ start, engine, install, state, restartEngine, get }) => {
      await start();
      await install(V1);
      expect(await state()).toEqual(["restart-required", CAME_LATER]);
      await restartEngine();
      const unproven =
        "the engine knows it; version 1.0.2 opens a plugin when a rule first uses it, and no rule that runs uses this one";
      await expect.poll(() => state()).toEqual(["unknown", unproven]);
      engine.streams.push({ name: "demo", type: "random" });
      engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
      await expect.poll(() => state()).toEqual(["loaded"]);
      await expect.poll(async () => (await get("/plugins"))[0].engine).toBe("loaded");
    },
  );

  old("unknown in an old engine that can't open it", async ({ start, engine, install, state, restartEngine }) => {
    await start();
    await install({ ...V1, soContent: `${DOES_NOT_LOAD}plugin was built with a different version of package y\n` });
    engine.streams.push({ name: "demo", type: "random" });
    engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
    await restartEngine();
    // Kuiper 1.0.2 says of every rule that stopped, by hand or not: "Stopped: canceled manually or by error."
    const unproven =
      "the engine knows it; version 1.0.2 opens a plugin when a rule first uses it, and no rule that runs uses this one";
    await expect.poll(() => state()).toEqual(["unknown", unproven]);
  });

  for (const [version, test] of [
    ["1.0.2", old],
    ["2.1.0", modern],
  ] as const) {
    test(`waiting for a restart of ${version} where it was copied in by hand after the engine's start`, async ({
      start,
      server,
      state,
      get,
    }) => {
      await start();
      await writeFile(join(server.base, "plugins/sources/Random@v1.0.0.so"), "so");
      expect(await state()).toEqual(["restart-required", CAME_LATER]);
      expect((await get("/engine")).pending).toEqual([
        { type: "sources", name: "random", change: "install", since: null },
      ]);
    });

    test(`waiting for a restart of ${version} where it was copied in while this server was down`, async ({
      start,
      server,
      engine,
      state,
    }) => {
      await start();
      await server.stop();
      const so = join(server.base, "plugins/sources/Random@v1.0.0.so");
      await writeFile(so, "so");
      await utimes(so, 1, 1); // as cp -p of an old file
      await rm(join(server.base, "plugins/.engine"), { recursive: true, force: true });
      await server.start({ ENGINE__URL: engine.url });
      expect(await state()).toEqual(["restart-required", CAME_LATER]);
    });
  }

  modern("loaded where another has handed it to the engine", async ({ start, engine, host, server, state, get }) => {
    await start();
    const body = { name: "random", file: host.serveZip(V1) };
    expect((await send(`${engine.url}/plugins/sources`, { method: "POST", body })).status).toBe(201);
    expect(await state()).toEqual(["loaded"]);
    expect((await get("/engine")).pending).toEqual([]);
    await server.start({ ENGINE__URL: engine.url });
    expect(await state()).toEqual(["loaded"]);
  });

  modern(
    "waiting for a restart where another .so was put in its place by hand",
    async ({ start, server, install, state, restartEngine }) => {
      await start();
      await install(V1);
      await restartEngine();
      await expect.poll(() => state()).toEqual(["loaded"]);
      const folder = join(server.base, "plugins/sources");
      await copyFile(join(folder, "Random@v1.0.0.so"), join(folder, "Random@v3.0.0.so"));
      await rename(join(folder, "Random@v1.0.0.so"), join(server.base, "random.so"));
      expect((await state())[0]).toBe("restart-required");
    },
  );

  modern("of no interest where only the engine has it", async ({ start, server, engine, get }) => {
    await writeFile(join(server.base, "plugins/sources/Other.so"), "so");
    await start();
    await rm(join(server.base, "plugins/sources/Other.so"));
    await server.start({ ENGINE__URL: engine.url });
    expect(await get("/plugins")).toEqual([]);
    expect((await send(`${server.url}/plugins/sources/other`)).status).toBe(404);
  });
});

describe("the engine", () => {
  modern("is asked little for a page of a dashboard", async ({ start, engine, install, get }) => {
    await start();
    for (const name of ["a", "b", "c"]) await install({ type: "sinks", name });
    await get("/engine");
    engine.asked.length = 0;
    await Promise.all([get("/plugins"), get("/plugins"), get("/engine"), get("/plugins?type=sinks")]);
    const paths = engine.asked.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length); // nothing twice
    expect(paths.length).toBeLessThanOrEqual(5);
  });

  modern("is not asked for more than four things at once", async ({ start, engine, install, get, server }) => {
    for (let index = 0; index < 20; index += 1) {
      engine.streams.push({ name: `s${index}`, type: "random" });
      engine.rules.push({ id: `r${index}`, sql: `SELECT * FROM s${index}`, actions: ["log"] });
    }
    await start();
    await install(V1);
    let open = 0;
    let most = 0;
    engine.intercept = ({ path }, response) => {
      open += 1;
      most = Math.max(most, open);
      response.once("close", () => {
        open -= 1;
      });
      if (!path.startsWith("/streams/")) return false;
      setTimeout(() => response.end("{}"), 10); // long enough that others would come meanwhile
      return true;
    };
    await server.start({ ENGINE__URL: engine.url });
    await Promise.all([get("/plugins/sources/random"), get("/plugins"), get("/engine")]);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(5); // with the one about itself
  });

  modern("does not hold up lists, nor changes, by hanging", async ({ start, engine, install, get, server }) => {
    engine.intercept = () => true;
    await start({ ENGINE__TIMEOUTSECONDS: "1" });
    expect((await install(V1)).status).toBe(201);
    expect(await get("/plugins")).toMatchObject([
      {
        engine: "unknown",
        engineReason: expect.stringContaining("does not answer within 1 s (engine.timeoutSeconds)"),
      },
    ]);
    expect(await get("/plugins/sources/random")).toMatchObject({ engine: "unknown", usedBy: null });
    expect(await get("/engine")).toMatchObject({ reachable: false });
    expect((await remove(`${server.url}/plugins/sources/random`))[0]).toBe(200);
  });

  modern("can answer with anything", async ({ start, engine, install, get }) => {
    await start();
    await install(V1);
    for (const text of ["null", "[]", "{}", "1", '"x"', '[null,1,{"id":1}]', "<html>", "x".repeat(100)]) {
      engine.intercept = ({ path }, response) => {
        if (path === "/") return false;
        response.end(text);
        return true;
      };
      engine.asked.length = 0;
      const { engine: state, usedBy } = await get("/plugins/sources/random");
      expect(["failed", "unknown", "restart-required"]).toContain(state);
      expect([null, "object"]).toContain(usedBy === null ? null : typeof usedBy);
      expect(await get("/plugins")).toHaveLength(1);
    }
  });
});
