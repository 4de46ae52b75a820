import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { EngineStandIn, RULE_FAILS } from "../support/engine-stand-in.ts";
import { processTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";

/** This server is killed in the middle of a restart of the engine: its next start goes on with it. */

const V1 = { type: "sources", name: "random", version: "1.0.0", soContent: "ONE" } as const;
const FAILING = { ...V1, version: "2.0.0", soContent: `${RULE_FAILS}the source is out of order\n` };

const test = processTest
  .extend("engine", async ({ server }, { onCleanup }) => {
    for (const type of ["sources", "sinks", "functions"]) {
      await mkdir(join(server.base, "plugins", type), { recursive: true });
    }
    const engine = await new EngineStandIn({ base: server.base }).start();
    onCleanup(() => engine.dispose());
    return engine;
  })
  .extend("start", ({ server, engine }) => (settings: Record<string, string> = {}) => {
    const always = { ENGINE__URL: engine.url, ENGINE__ACTIVATE: "false", ENGINE__RESTART: "stop" };
    return server.start({ settings: { ...always, ENGINE__SETTLESECONDS: "0.01", ...settings } });
  })
  /** The engine runs version 1, and an update that its rule does not survive is installed. */
  .extend("updated", ({ engine, server, host, start }) => async (settings: Record<string, string> = {}) => {
    await start(settings);
    await post(`${server.url}/plugins/sources`, { name: "random", file: host.serveZip(V1) });
    await engine.restart();
    await send(`${server.url}/plugins/sources/none?restart=1`, { method: "DELETE" }); // asks the engine
    engine.age(60);
    engine.streams.push({ name: "demo", type: "random" });
    engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
    const file = host.serveZip(FAILING);
    expect((await ask(`${server.url}/plugins/sources/random`, { method: "PUT", body: { file } }))[0]).toBe(200);
  })
  .extend("restart", ({ server }) => async () => {
    return (await send(`${server.url}/engine/restart`, { method: "POST" })).headers.location ?? "";
  })
  .extend(
    "journal",
    ({ server }) =>
      () =>
        join(server.base, "plugins/.engine/restart.json"),
  )
  .extend("kill", ({ server }) => async () => {
    server.process.kill("SIGKILL");
    await server.process.ended;
  })
  /** Starts the next process and waits until it has ended the restart, for the outcome. */
  .extend("outcome", ({ server, start }) => async (): Promise<[string | undefined, string]> => {
    await start();
    const [, outcome] = await server.process.output(/"msg":"the engine was restarted: ([\w-]+)"/);
    const { version } = JSON.parse((await send(`${server.url}/plugins/sources/random`)).text);
    return [outcome, version];
  });

/** Resolves when the engine is asked for that path, which it then does not answer: `release` lets it. */
function heldAt(engine: EngineStandIn, path: string, when = () => true) {
  let release = () => {};
  const reached = new Promise<void>((resolve) => {
    engine.intercept = (asked, response) => {
      if (asked.path !== path || !when()) return false;
      resolve();
      release = () => engine.answer(asked, response);
      return true;
    };
  });
  const letGo = () => {
    engine.intercept = () => false;
    release();
  };
  return { reached, release: letGo };
}

const ROLLED_BACK = ["rolled-back", "1.0.0"];

describe("a kill of this server", () => {
  test("before the engine is restarted leaves the changes waiting", async ({
    updated,
    restart,
    engine,
    kill,
    start,
    server,
  }) => {
    await updated();
    const held = heldAt(engine, "/rules");
    await restart();
    await held.reached;
    await kill();
    held.release();
    const starts = engine.starts;
    await start();
    await ask(`${server.url}/plugins/sources/random`);
    expect([engine.starts, server.process.stdout.includes("was cut off")]).toEqual([starts, false]);
  });

  test("as it asks for the restart: it is asked for again", async ({ updated, restart, engine, kill, outcome }) => {
    await updated();
    const held = heldAt(engine, "/stop");
    await restart();
    await held.reached;
    await kill();
    engine.intercept = () => false; // the engine never got it
    expect(await outcome()).toEqual(ROLLED_BACK);
  });

  test("while the engine is down", async ({ updated, restart, engine, kill, start, server }) => {
    await updated();
    const stopped = new Promise<void>((resolve) => {
      engine.onStop = resolve;
    });
    await restart();
    await stopped;
    await kill();
    engine.onStop = () => void engine.restart();
    await start();
    await server.process.output(/a restart of the engine was cut off: it goes on/);
    await engine.start();
    await server.process.output(/"msg":"the engine was restarted: rolled-back"/);
    expect(JSON.parse((await send(`${server.url}/plugins/sources/random`)).text).version).toBe("1.0.0");
  });

  test("as the rules settle", async ({ updated, restart, kill, outcome, server, engine }) => {
    await updated({ ENGINE__SETTLESECONDS: "3600" });
    const job = await restart();
    for (let stage = ""; stage !== "settle"; ) stage = JSON.parse((await send(`${server.url}${job}`)).text).stage;
    const starts = engine.starts;
    await kill();
    expect(await outcome()).toEqual(ROLLED_BACK);
    expect(engine.starts).toBe(starts + 1); // of the undo alone
  });

  test("as it verifies, and as it undoes", async ({ updated, restart, engine, kill, outcome, journal }) => {
    await updated();
    const starts = engine.starts;
    const held = heldAt(engine, "/rules", () => engine.starts > starts);
    await restart();
    await held.reached;
    await kill();
    held.release();
    const state = JSON.parse(await readFile(journal(), "utf8"));
    const worse = [{ kind: "rule", id: "rule1", reason: "Stopped" }];
    await writeFile(journal(), JSON.stringify({ ...state, phase: "undo", worse }));
    expect(await outcome()).toEqual(ROLLED_BACK);
    expect(engine.starts).toBe(starts + 2);
  });

  test("in the restart after the undo", async ({ updated, restart, engine, kill, outcome }) => {
    await updated();
    let stops = 0;
    const reached = new Promise<void>((resolve) => {
      engine.intercept = ({ path }) => {
        if (path === "/stop") stops += 1;
        if (path !== "/stop" || stops !== 2) return false;
        resolve();
        return true;
      };
    });
    await restart();
    await reached;
    await kill();
    expect(await outcome()).toEqual(ROLLED_BACK);
  });

  test("again and again gives the restart up", async ({ updated, restart, engine, kill, journal, start, server }) => {
    await updated();
    const held = heldAt(engine, "/stop");
    await restart();
    await held.reached;
    await kill();
    const state = JSON.parse(await readFile(journal(), "utf8"));
    await writeFile(journal(), JSON.stringify({ ...state, resumed: 3 }));
    await start();
    await server.process.output(/a restart of the engine was cut off again and again: given up/);
    await expect(readFile(journal())).rejects.toThrow("ENOENT");
  });
});

test("SIGTERM does not wait for the rules to settle: the next start goes on", async ({
  updated,
  restart,
  server,
  outcome,
}) => {
  await updated({ ENGINE__SETTLESECONDS: "3600" });
  const job = await restart();
  for (let stage = ""; stage !== "settle"; ) stage = JSON.parse((await send(`${server.url}${job}`)).text).stage;
  server.process.kill("SIGTERM");
  expect(await server.process.exited).toEqual({ code: 0, signal: null });
  expect(await outcome()).toEqual(ROLLED_BACK);
});
