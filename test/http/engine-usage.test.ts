import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseList } from "structured-headers";
import { describe, expect } from "vitest";
import { RULE_FAILS } from "../support/engine-stand-in.ts";
import { remove, send } from "../support/http-client.ts";
import { inFrontTest } from "../support/in-front.ts";
import { type PluginContents, pluginZip } from "../support/plugin-zip.ts";

/** Which rules and streams use a plugin, and what changes of such a plugin say. */

const SOURCE: PluginContents = { type: "sources", name: "random" };
const SINK: PluginContents = { type: "sinks", name: "influx" };
const FUNCTION: PluginContents = { type: "functions", name: "image" };

for (const version of ["1.0.2", "1.8.0", "2.1.0"]) {
  const test = inFrontTest(version);

  describe(`what uses a plugin, by ${version}`, () => {
    test("are rules and streams, sorted", async ({ start, engine, install, get }) => {
      engine.streams.push({ name: "demo", type: "random" }, { name: "Alone", type: "random" });
      engine.streams.push({ name: "other", type: "mqtt" });
      engine.rules.push(
        { id: "r2", sql: "SELECT * FROM demo", actions: ["log", "influx"] },
        { id: "r10", sql: "SELECT thumbnail(x) FROM other", actions: ["influx"] },
        { id: "ü 1", sql: "SELECT resize(x) FROM demo WHERE thumbnail(y)", actions: ["log"] },
        { id: "none", sql: 'SELECT "resize(x) FROM demo", abs(x) FROM other', actions: ["log"] },
      );
      await start();
      await install(SOURCE);
      await install(SINK);
      await install(FUNCTION, { functions: ["resize", "thumbnail"] });
      await install({ type: "sinks", name: "unused" });
      const used = async (path: string) => (await get(`/plugins/${path}`)).usedBy;
      expect(await used("sources/random")).toEqual({ rules: ["r2", "ü 1"], streams: ["Alone", "demo"] });
      expect(await used("sinks/influx")).toEqual({ rules: ["r10", "r2"], streams: [] });
      expect(await used("functions/image")).toEqual({ rules: ["r10", "ü 1"], streams: [] });
      expect(await used("sinks/unused")).toEqual({ rules: [], streams: [] });
      const counted = async (query: string) =>
        (await get(`/plugins${query}`)).map((plugin: { name: string; rules?: number }) => [plugin.name, plugin.rules]);
      const counts = [2, 2, 0, 2];
      const names = ["random", "influx", "unused", "image"];
      expect(await counted("?rules=1")).toEqual(names.map((name, index) => [name, counts[index]]));
      expect(await counted("")).toEqual(names.map((name) => [name, undefined]));
    });

    test("are not counted while the engine can't be asked", async ({ start, engine, install, get }) => {
      await start();
      await install(SOURCE);
      await engine.stop();
      expect(await get("/plugins?rules=1")).toMatchObject([{ name: "random", rules: null }]);
    });

    test("are named by a delete, an update and a rollback", async ({ start, engine, server, install, update }) => {
      engine.streams.push({ name: "demo", type: "random" });
      for (const id of ["rule2", "rule1"]) engine.rules.push({ id, sql: "SELECT * FROM demo", actions: ["log"] });
      await start();
      await install(SOURCE);
      await install(SINK);
      expect((await update({ ...SOURCE, version: "2.0.0" })).headers["plugin-used-by"]).toBe('"rule1", "rule2"');
      const url = `${server.url}/plugins/sources/random`;
      const back = await send(`${url}/rollback`, { method: "POST" });
      expect([back.status, back.headers["plugin-used-by"]]).toEqual([200, '"rule1", "rule2"']);
      const deleted = await send(url, { method: "DELETE" });
      expect([deleted.status, deleted.headers["plugin-used-by"]]).toEqual([200, '"rule1", "rule2"']);
      const unused = await send(`${server.url}/plugins/sinks/influx`, { method: "DELETE" });
      expect([unused.status, unused.headers["plugin-used-by"]]).toEqual([200, undefined]);
    });
  });
}

const test = inFrontTest("2.1.0");

describe("what uses a plugin", () => {
  test("is also what only the engine knows", async ({ start, engine, install, get }) => {
    engine.rules.push(
      { id: "a", sql: "a language of tomorrow", actions: [] },
      { id: "b", sql: "SELECT * FROM demo", actions: [] },
    );
    engine.intercept = ({ path, body }, response) => {
      if (path !== "/data/export") return false;
      const ids: string[] = JSON.parse(body);
      const nativePlugins = ids.includes("a") ? { sources_random: "" } : {};
      response.end(JSON.stringify({ rules: Object.fromEntries(ids.map((id) => [id, `"${id}"`])), nativePlugins }));
      return true;
    };
    await start();
    await install(SOURCE);
    expect((await get("/plugins/sources/random")).usedBy).toEqual({ rules: ["a"], streams: [] });
    const exports = () => engine.asked.filter(({ path }) => path === "/data/export").map(({ body }) => body);
    expect(exports()).toEqual(['["a","b"]', '["a"]', '["b"]']);
    engine.asked.length = 0;
    await expect.poll(async () => (await get("/plugins/sources/random")) && exports().length).toBeGreaterThan(0);
    expect(exports()).toEqual(['["a","b"]']); // each by itself is known for a while
  });

  test("is read rule by rule where an export is too large", async ({ start, engine, install, get }) => {
    engine.streams.push({ name: "demo", type: "random" });
    engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: [] });
    engine.intercept = ({ path }, response) => {
      if (path !== "/data/export") return false;
      response.end(JSON.stringify({ uploads: "x".repeat(5000) }));
      return true;
    };
    await start({ ENGINE__MAXREPLYBYTES: "4096" });
    await install(SOURCE);
    expect((await get("/plugins/sources/random")).usedBy.rules).toEqual(["rule1"]);
  });

  test("is asked in few calls, however many rules there are", async ({ start, engine, install, get }) => {
    engine.streams.push({ name: "demo", type: "random" });
    for (let index = 0; index < 250; index += 1) {
      engine.rules.push({ id: `rule${index}`, sql: "SELECT * FROM demo", actions: ["log"] });
    }
    await start();
    await install(SOURCE);
    engine.asked.length = 0;
    expect((await get("/plugins/sources/random")).usedBy.rules).toHaveLength(250);
    expect(engine.asked.filter(({ path }) => path === "/data/export")).toHaveLength(3);
  });
});

describe("the header Plugin-Used-By", () => {
  test("is a structured field of bounded length, whatever the rules are called", async ({
    start,
    engine,
    server,
    install,
  }) => {
    engine.streams.push({ name: "demo", type: "random" });
    for (let index = 100; index < 400; index += 1) {
      engine.rules.push({ id: `${index}"\\\r\nü`, sql: "SELECT * FROM demo", actions: ["log"] });
    }
    await start();
    await install(SOURCE);
    const { headers } = await send(`${server.url}/plugins/sources/random`, { method: "DELETE" });
    const header = String(headers["plugin-used-by"]);
    expect(header.length).toBeLessThan(1100);
    const rules = parseList(header);
    expect(rules[0]?.[0]).toBe('100"\\???');
    expect(rules.length + Number(rules.at(-1)?.[1].get("more"))).toBe(300);
  });

  test("is in the result of a job", async ({ start, engine, server, install, get }) => {
    engine.streams.push({ name: "demo", type: "random" });
    engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
    await start();
    await install(SOURCE);
    const headers = { prefer: "respond-async, wait=60" };
    const reply = await send(`${server.url}/plugins/sources/random`, { method: "DELETE", headers });
    expect([reply.status, reply.headers["plugin-used-by"]]).toEqual([200, '"rule1"']);
    expect(await get("/plugins")).toEqual([]);
  });

  test("is not there where the engine hangs", async ({ start, engine, server, install }) => {
    await start();
    await install(SOURCE);
    engine.intercept = () => true;
    const { status, headers } = await send(`${server.url}/plugins/sources/random`, { method: "DELETE" });
    expect([status, headers["plugin-used-by"]]).toEqual([200, undefined]);
  });
});

describe("engine.protectUsed", () => {
  const protecting = inFrontTest("1.9.0", { ENGINE__PROTECTUSED: "true" });

  protecting("refuses what rules use, unless it is forced", async ({ start, engine, server, install, update, get }) => {
    engine.streams.push({ name: "demo", type: "random" });
    for (const id of ["rule2", "rule1"]) engine.rules.push({ id, sql: "SELECT * FROM demo", actions: ["log"] });
    const auditFile = join(server.base, "audit.jsonl");
    await start({ LOG__AUDITFILE: auditFile });
    await install(SOURCE);
    const why =
      "rules rule1 and rule2 use it, and engine.protectUsed is set; change these first, or repeat the request with ?force=1";
    const url = `${server.url}/plugins/sources/random`;
    expect(await remove(url)).toEqual([409, `delete sources plugin random error: ${why}\n`]);
    const refused = await update({ ...SOURCE, version: "2.0.0" });
    expect([refused.status, refused.text]).toEqual([409, `update sources plugin random error: ${why}\n`]);
    expect((await get("/plugins/sources/random")).version).toBe("1.0.0");
    const json = await send(url, { method: "DELETE", headers: { accept: "application/json" } });
    expect(JSON.parse(json.text)).toMatchObject({ error: "PLUGIN_IN_USE" });

    const forced = await update({ ...SOURCE, version: "2.0.0" }, "?force=1");
    expect([forced.status, forced.headers["plugin-used-by"]]).toEqual([200, '"rule1", "rule2"']);
    expect((await send(`${url}/rollback`, { method: "POST" })).status).toBe(409);
    expect((await send(`${url}/rollback?force=1`, { method: "POST" })).status).toBe(200);
    expect((await remove(`${url}?force=1`))[0]).toBe(200);
    expect((await readFile(auditFile, "utf8")).match(/"PLUGIN_IN_USE"/g)).toHaveLength(4);
  });

  protecting(
    "lets pass what no rule uses, and says what is not there",
    async ({ start, engine, server, install, update }) => {
      engine.streams.push({ name: "demo", type: "random" });
      engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
      await start();
      expect((await remove(`${server.url}/plugins/sources/random`))[0]).toBe(404);
      expect((await update(SOURCE)).status).toBe(404);
      await install(SINK);
      expect((await remove(`${server.url}/plugins/sinks/influx`))[0]).toBe(200);
    },
  );

  protecting("refuses what it can't find out", async ({ start, engine, server, install, get }) => {
    await start();
    await install(SOURCE);
    await engine.stop();
    const url = `${server.url}/plugins/sources/random`;
    const [status, text] = await remove(url);
    expect(status).toBe(502);
    expect(text).toContain("which rules use it can't be found out, and engine.protectUsed is set; ?force=1 does it");
    expect(await get("/plugins")).toHaveLength(1);
    expect((await remove(`${url}?force=1`))[0]).toBe(200);
  });

  protecting("takes a zip that is sent, with ?force=1", async ({ start, engine, server, install }) => {
    engine.streams.push({ name: "demo", type: "random" });
    engine.rules.push({ id: "rule1", sql: "SELECT * FROM demo", actions: ["log"] });
    await start();
    await install(SOURCE);
    const body = pluginZip({ ...SOURCE, version: "2.0.0", soContent: `${RULE_FAILS}no\n` });
    const headers = { "content-type": "application/zip" };
    const url = `${server.url}/plugins/sources/random`;
    expect((await send(url, { method: "PUT", headers, body })).status).toBe(409);
    expect((await server.files()).filter((path) => path.startsWith("plugins/.incoming/"))).toEqual([
      "plugins/.incoming/",
    ]);
    expect((await send(`${url}?force=1`, { method: "PUT", headers, body })).status).toBe(200);
  });
});
