import { existsSync, rmSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { DOES_NOT_LOAD, EngineStandIn, RULE_FAILS } from "../support/engine-stand-in.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import type { PluginContents } from "../support/plugin-zip.ts";
import type { Settings } from "../support/test-server.ts";

/** A restart of the engine proves what was changed, and undoes it where the engine is worse. */

interface JobView {
  readonly action: string;
  readonly state: string;
  readonly stage: string;
  readonly result: { status: number; body: Record<string, unknown>; message: string; error: string };
}

const test = stoppedServerTest
  .extend("engine", async ({ server }, { onCleanup }) => {
    for (const type of ["sources", "sinks", "functions"]) {
      await mkdir(join(server.base, "plugins", type), { recursive: true });
    }
    const engine = await new EngineStandIn({ base: server.base }).start();
    engine.age(60);
    onCleanup(() => engine.dispose());
    return engine;
  })
  .extend("start", ({ server, engine }) => async (settings: Settings = {}) => {
    await server.start({
      ENGINE__URL: engine.url,
      ENGINE__ACTIVATE: "false",
      ENGINE__RESTART: "stop",
      ENGINE__SETTLESECONDS: "0.01",
      ENGINE__RESTARTTIMEOUTSECONDS: "50",
      ...settings,
    });
  })
  /** Installs a version, or puts it into the place of the installed one, with a query. */
  .extend("put", ({ server, host }) => async (contents: PluginContents, query = "") => {
    const { type, name } = contents;
    const url = `${server.url}/plugins/${type}`;
    const file = host.serveZip(contents);
    const isThere = (await ask(`${url}/${name}`))[0] === 200;
    const answer = isThere
      ? await send(`${url}/${name}${query}`, { method: "PUT", body: { file } })
      : await send(`${url}${query}`, { method: "POST", body: { name, file } });
    expect([answer.status, answer.text]).toEqual([isThere ? 200 : 201, expect.any(String)]);
    return String(answer.headers.job ?? "");
  })
  /** Follows a job to its end. */
  .extend("ended", ({ server }) => async (path: string): Promise<JobView> => {
    expect(path).toMatch(/^\/jobs\/[\w-]+$/);
    await send(`${server.url}${path}/events`);
    return JSON.parse((await send(`${server.url}${path}`)).text);
  })
  .extend("restart", ({ server, ended }) => async (): Promise<JobView> => {
    const { status, headers } = await send(`${server.url}/engine/restart`, { method: "POST" });
    expect(status).toBe(202);
    return ended(String(headers.location));
  })
  .extend("versions", ({ server }) => async (): Promise<{ version: string; undone?: string }[]> => {
    return JSON.parse((await send(`${server.url}/plugins/sources/random/versions`)).text);
  })
  /** Restarts the engine, which has been up for a while then. */
  .extend("runNow", ({ engine, server }) => async () => {
    await engine.restart();
    await send(`${server.url}/plugins/sources/none?restart=1`, { method: "DELETE" }); // asks the engine
    engine.age(60);
  })
  /** The engine runs with version 1 of a plugin, and a rule that needs it. */
  .extend("running", ({ start, put, engine, runNow }) => async (settings: Settings = {}) => {
    await start(settings);
    await put(V1);
    await runNow();
    engine.streams.push({ name: "demo", type: "random" });
    engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
  });

const V1: PluginContents = { type: "sources", name: "random", version: "1.0.0", yaml: "seed: 1\n", soContent: "ONE" };
const V2: PluginContents = { ...V1, version: "2.0.0", yaml: "seed: 2\n", soContent: "TWO" };
const UNLOADABLE = { ...V2, soContent: `${DOES_NOT_LOAD}plugin was built with a different version\n` };
const FAILING = { ...V2, soContent: `${RULE_FAILS}the source is out of order\n` };

const stopRule = async (url: string) => void (await send(`${url}/rules/rule1/stop`, { method: "POST" }));

const HEALTHY = { outcome: "healthy", worse: [], undone: [], rules: { before: 1, after: 1 } };
const UPDATE = { type: "sources", name: "random", from: "1.0.0", to: "2.0.0" };

const body = ({ state, result }: JobView) => ({ state, ...result?.body });

describe("an update with ?restart=1", () => {
  test("that works is healthy", async ({ running, put, ended, engine, versions, server }) => {
    await running();
    const job = await ended(await put(V2, "?restart=1"));
    expect(job).toMatchObject({ action: "restart", state: "done", stage: "verify", percent: 100 });
    expect(body(job)).toEqual({ state: "done", ...HEALTHY });
    expect(engine.asked.filter(({ path }) => path === "/stop")).toHaveLength(1);
    expect((await versions()).map(({ version }) => version)).toEqual(["2.0.0", "1.0.0"]);
    expect(server.restarts()).toBe(0);
    expect(await readFile(join(server.base, "plugins/registry.json"), "utf8")).not.toContain('"replaced"');
    const audited = server.logged.filter(({ action }) => action === "restart");
    expect(audited).toMatchObject([{ result: "done", outcome: "healthy", undone: [] }]);
  });

  test("whose plugin does not load is undone, with the engine's words", async ({
    running,
    put,
    ended,
    versions,
    engine,
    server,
  }) => {
    await running();
    const job = await ended(await put(UNLOADABLE, "?restart=1"));
    expect(body(job)).toEqual({
      state: "done",
      outcome: "rolled-back",
      rules: { before: 1, after: 1 },
      worse: [
        { kind: "plugin", id: "sources/random", reason: "describe sources plugin random error: not found" },
        { kind: "rule", id: "rule1", reason: "source type random not found" },
      ],
      undone: [UPDATE],
    });
    const [rule] = (await (await fetch(`${engine.url}/rules`)).json()) as { status: string }[];
    expect(rule?.status).toBe("running");
    const [now, before] = await versions();
    expect([now?.version, now?.undone]).toEqual(["1.0.0", undefined]);
    expect([before?.version, before?.undone]).toEqual([
      "2.0.0",
      expect.stringMatching(/^plugin sources\/random: describe .* not found; rule rule1: source type/),
    ]);
    expect(await readFile(join(server.base, "etc/sources/random.yaml"), "utf8")).toBe("seed: 1\n");
    expect(server.logged.filter(({ action }) => action === "restart")).toMatchObject([
      { outcome: "rolled-back", undone: [UPDATE] },
    ]);
  });

  test("whose rule fails is undone, also where no version is kept", async ({ running, put, ended, versions }) => {
    await running({ VERSIONS__KEEP: "0" });
    expect(body(await ended(await put(FAILING, "?stop=1")))).toMatchObject({
      outcome: "rolled-back",
      worse: [{ kind: "rule", id: "rule1", reason: "the source is out of order" }],
      undone: [UPDATE],
    });
    expect((await versions()).map(({ version }) => version)).toEqual(["1.0.0"]);
  });

  test("goes back to what the engine ran, whatever was tried in between", async ({ running, put, ended, versions }) => {
    await running({ VERSIONS__KEEP: "1" });
    await put({ ...V1, version: "1.5.0", soContent: "BETWEEN" });
    await put({ ...V1, version: "1.6.0", soContent: "BETWEEN 2" });
    const job = await ended(await put(UNLOADABLE, "?restart=1"));
    expect(body(job)).toMatchObject({ outcome: "rolled-back", undone: [UPDATE] });
    expect((await versions())[0]?.version).toBe("1.0.0");
  });

  test("stays with engine.onFailure keep", async ({ running, put, ended, versions, engine }) => {
    await running({ ENGINE__ONFAILURE: "keep" });
    const starts = engine.starts;
    const job = await ended(await put(UNLOADABLE, "?restart=1"));
    expect(body(job)).toMatchObject({ outcome: "degraded", undone: [] });
    expect((await versions())[0]?.version).toBe("2.0.0");
    expect(engine.starts).toBe(starts + 1);
  });
});

test("an install whose plugin does not load is removed", async ({ running, put, ended, server }) => {
  await running();
  const sink = { type: "sinks", name: "tdengine", soContent: `${DOES_NOT_LOAD}x\n` } as const;
  expect(body(await ended(await put(sink, "?restart=1")))).toMatchObject({
    outcome: "rolled-back",
    undone: [{ type: "sinks", name: "tdengine", from: null, to: "1.0.0" }],
  });
  expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
  expect((await server.files()).filter((path) => path.includes("engine"))).toEqual([
    "plugins/.engine/",
    "plugins/.engine/baseline.json",
  ]);
});

test("a delete of a plugin that a rule needs is brought back, with its versions and what its user had edited", async ({
  running,
  put,
  ended,
  server,
  versions,
}) => {
  await running();
  expect(body(await ended(await put(V2, "?restart=1")))).toMatchObject({ outcome: "healthy" });
  const yaml = join(server.base, "etc/sources/random.yaml");
  await writeFile(yaml, "seed: mine\n");
  const { status, headers, text } = await send(`${server.url}/plugins/sources/random?restart=1`, { method: "DELETE" });
  expect([status, text]).toEqual([200, "sources plugin random is deleted and Kuiper will be stopped"]);
  expect(body(await ended(String(headers.job)))).toMatchObject({
    outcome: "rolled-back",
    worse: [{ kind: "rule", id: "rule1", reason: "source type random not found" }],
    undone: [{ type: "sources", name: "random", from: "2.0.0", to: null }],
  });
  expect((await versions()).map(({ version }) => version)).toEqual(["2.0.0", "1.0.0"]);
  expect(await readFile(yaml, "utf8")).toBe("seed: mine\n");
  expect((await server.files()).filter((path) => path.startsWith("etc/sources/r"))).toEqual([
    "etc/sources/random.yaml",
  ]);
  expect(server.restarts()).toBe(0);
});

test("an engine that does not come back gets its plugins back, and is restarted once more", async ({
  running,
  put,
  ended,
  engine,
  versions,
}) => {
  await running({ ENGINE__RESTARTTIMEOUTSECONDS: "1", ENGINE__RESTART: "stop" });
  let stops = 0;
  engine.onStop = () => {
    stops += 1;
  };
  const job = await ended(await put(V2, "?restart=1"));
  expect(body(job)).toMatchObject({
    state: "done",
    outcome: "unreachable",
    worse: [],
    reason: expect.stringMatching(/did not answer within 1 s \(engine.restartTimeoutSeconds\)/),
    undone: [UPDATE],
  });
  expect((await versions())[0]).toMatchObject({ version: "1.0.0" });
  expect(stops).toBe(1);
});

describe("several changes", () => {
  test("share one restart, and are undone together", async ({ running, put, restart, server }) => {
    await running();
    await put({ type: "sinks", name: "file" });
    await put(FAILING);
    expect(body(await restart())).toMatchObject({
      outcome: "rolled-back",
      undone: [UPDATE, { type: "sinks", name: "file", from: null, to: "1.0.0" }],
    });
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
  });

  test("share the one that waits; one that has begun is followed by another", async ({ running, server, engine }) => {
    await running();
    const held = heldAt(engine, "/rules");
    const request = async () => JSON.parse((await send(`${server.url}/engine/restart`, { method: "POST" })).text).id;
    const first = await request();
    await held.reached;
    expect(await request()).toBe(first);
    const stopped = heldAt(engine, "/stop");
    held.release();
    await stopped.reached;
    const second = await request();
    expect(second).not.toBe(first);
    expect(await request()).toBe(second);
    stopped.release();
    await send(`${server.url}/jobs/${second}/events`);
    const jobs = JSON.parse((await send(`${server.url}/jobs`)).text) as JobView[];
    expect(jobs.filter(({ action }) => action === "restart").map(body)).toEqual([
      { state: "done", ...HEALTHY },
      { state: "done", ...HEALTHY },
    ]);
  });

  test("a plugin that somebody changes meanwhile is left alone", async ({ running, put, ended, engine, versions }) => {
    await running();
    const starts = engine.starts;
    engine.onStop = async () => {
      engine.onStop = () => void engine.restart();
      await engine.restart();
    };
    const job = await put(FAILING, "?restart=1");
    const held = heldAt(engine, "/rules", () => engine.starts > starts);
    await held.reached;
    await put({ ...V1, version: "3.0.0", soContent: "THREE" });
    held.release();
    expect(body(await ended(job))).toMatchObject({
      outcome: "degraded",
      undone: [],
      notUndone: [{ ...UPDATE, reason: "it was changed again meanwhile" }],
    });
    expect((await versions())[0]?.version).toBe("3.0.0");
  });
});

describe("a restart is refused", () => {
  test("with engine.restart none, which leaves ?restart=1 what it was", async ({ running, put, ended, server }) => {
    await running({ ENGINE__RESTART: "none" });
    const { status, text } = await send(`${server.url}/engine/restart`, { method: "POST" });
    expect(status).toBe(501);
    expect(text).toContain("restart engine error: engine.restart is none");
    expect((await ended(await put(V2, "?restart=1"))).action).toBe("update");
    await send(`${server.url}/plugins/sources/random?restart=1`, { method: "DELETE" });
    expect(server.restarts()).toBe(1);
  });

  test("where the engine has no /stop, before anything is changed", async ({ server, host }) => {
    for (const type of ["sources", "sinks", "functions"])
      await mkdir(join(server.base, "plugins", type), { recursive: true });
    const engine = await new EngineStandIn({ base: server.base, version: "1.0.2" }).start();
    try {
      await server.start({ ENGINE__URL: engine.url, ENGINE__RESTART: "stop", ENGINE__ACTIVATE: "false" });
      const order = { name: "random", file: host.serveZip(V1) };
      const [status, text] = await post(`${server.url}/plugins/sources?restart=1`, order);
      expect(status).toBe(501);
      expect(text).toMatch(/the engine 1.0.2 has no POST \/stop, which came with 1.12; set engine.restart/);
      expect(await ask(`${server.url}/plugins/sources`)).toEqual([200, "[]"]);
    } finally {
      await engine.dispose();
    }
  });

  test("without an engine as any unknown path", async ({ server }) => {
    await server.start();
    expect((await send(`${server.url}/engine/restart`, { method: "POST" })).status).toBe(404);
  });
});

test("an engine that is down is not asked to end itself", async ({ running, restart, engine }) => {
  await running();
  await engine.stop();
  const { state, result } = await restart();
  expect([state, result.error]).toEqual(["failed", "ENGINE_UNREACHABLE"]);
});

test("an engine that refuses to end is the same as before", async ({ running, put, ended, engine, versions }) => {
  await running();
  engine.intercept = ({ path }, response) => {
    if (path !== "/stop") return false;
    response.writeHead(403).end("not you\n");
    return true;
  };
  const { state, result } = await ended(await put(V2, "?restart=1"));
  expect([state, result.error]).toEqual(["failed", "ENGINE_RESTART_FAILED"]);
  expect(result.message).toMatch(/the engine was not restarted: the engine answers POST \/stop with 403 not you/);
  expect((await versions())[0]?.version).toBe("2.0.0");
});

describe("a command", () => {
  test("restarts the engine, also one that is down", async ({ running, put, ended, engine, restart }) => {
    await running({ ENGINE__RESTART: JSON.stringify(["sh", "-c", "echo starting; touch asked"]) });
    const { base } = engine;
    engine.intercept = ({ path }, response) => {
      if (path !== "/" || !existsSync(join(base, "asked"))) return false;
      rmSync(join(base, "asked"));
      response.destroy();
      void engine.restart(); // as the command says
      return true;
    };
    expect(body(await ended(await put(FAILING, "?restart=1")))).toMatchObject({
      outcome: "rolled-back",
      undone: [UPDATE],
      output: ["starting"],
    });
    engine.intercept = () => false;
    await engine.stop();
    const job = restart();
    const watch = async (): Promise<void> => {
      while (!existsSync(join(base, "asked"))) await new Promise((resolve) => setImmediate(resolve));
      await engine.start();
    };
    await watch();
    expect(body(await job)).toMatchObject({ outcome: "healthy" });
  });

  test.for([
    ["a rule that fails is undone", FAILING, () => {}, "rolled-back"],
    ["a rule that somebody stops meanwhile is no fault of the update's", V2, stopRule, "healthy"],
  ] as const)(
    "in front of Kuiper 1.0, which says the same of both: %s",
    async ([, next, meanwhile, outcome], { server, running, put, ended }) => {
      const engine = await new EngineStandIn({ base: server.base, version: "1.0.2" }).start();
      await using _stopped = { [Symbol.asyncDispose]: () => engine.dispose() };
      engine.age(60);
      await running({ ENGINE__URL: engine.url, ENGINE__RESTART: JSON.stringify(["sh", "-c", "touch asked"]) });
      engine.streams.push({ name: "demo", type: "random" });
      engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
      await engine.restart();
      await send(`${server.url}/plugins/sources/none?restart=1`, { method: "DELETE" }); // asks the engine
      engine.age(60);
      engine.intercept = ({ path }, response) => {
        if (path !== "/" || !existsSync(join(engine.base, "asked"))) return false;
        rmSync(join(engine.base, "asked"));
        response.destroy();
        void engine.restart().then(() => meanwhile(engine.url)); // as the command says
        return true;
      };
      expect(body(await ended(await put(next, "?restart=1")))).toMatchObject({ outcome });
    },
  );

  test("that fails leaves everything as it was", async ({ running, put, ended, versions, server }) => {
    await running({ ENGINE__RESTART: JSON.stringify(["sh", "-c", "echo no such unit; exit 5"]) });
    const { state, result } = await ended(await put(V2, "?restart=1"));
    expect([state, result.error]).toEqual(["failed", "ENGINE_RESTART_FAILED"]);
    expect(result.message).toMatch(
      /the command of engine.restart failed with exit status 5; it printed: no such unit$/,
    );
    expect((await versions())[0]?.version).toBe("2.0.0");
    expect((await server.files()).includes("plugins/.engine/restart.json")).toBe(false);
    expect(server.logged.filter(({ action }) => action === "restart")).toMatchObject([
      { result: "ENGINE_RESTART_FAILED" },
    ]);
  });

  test("that does nothing is told from one that works", async ({ running, restart }) => {
    await running({ ENGINE__RESTART: JSON.stringify(["true"]), ENGINE__RESTARTTIMEOUTSECONDS: "1" });
    const { result } = await restart();
    expect(result.message).toMatch(/the engine's process is still the same after 1 s \(engine.restartTimeoutSeconds\)/);
  });
});

/** Holds the next answer of the engine at that path. */
function heldAt(engine: EngineStandIn, path: string, when = () => true) {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const before = engine.intercept;
  const reached = new Promise<void>((resolve) => {
    let isHeld = false;
    engine.intercept = (asked, response) => {
      if (isHeld || asked.path !== path || !when()) return before(asked, response);
      isHeld = true;
      resolve();
      void released.then(() => engine.answer(asked, response));
      return true;
    };
  });
  return { reached, release };
}
