import { createHash } from "node:crypto";
import { rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import type { PluginType } from "../../src/domain/plugin.ts";
import { DOES_NOT_LOAD, EngineStandIn } from "../support/engine-stand-in.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";
import type { PluginContents } from "../support/plugin-zip.ts";
import type { TestServer } from "../support/test-server.ts";

/** A first install is handed to the engine, which loads it at once; whatever the engine does, the install is whole. */

const test = stoppedServerTest.extend("start", async ({ server, host }, { onCleanup }) => {
  const start = async (version: string, settings: Record<string, string> = {}) => {
    await server.start(); // makes the folders, without which no engine starts
    const engine = await new EngineStandIn({ base: server.base, version }).start();
    onCleanup(() => engine.dispose());
    engine.age(60);
    await server.start({ ENGINE__URL: engine.url, ENGINE__VERIFY: "off", ...settings });
    return engine;
  };
  const install = (contents: PluginContents, more: object = {}) => {
    const body = { name: contents.name, file: host.serveZip(contents), ...more };
    return send(`${server.url}/plugins/${contents.type}`, { method: "POST", body });
  };
  const list = async (engine: EngineStandIn, type: PluginType) =>
    JSON.parse((await send(`${engine.url}/plugins/${type}`)).text);
  return Object.assign(start, { install, list });
});

const FILES = ["plugins/sources/Random@v1.0.0.so", "etc/sources/random.yaml"] as const;
const VERSIONS = [
  "1.0.2",
  "1.2.1",
  "1.4.4",
  "1.8.1",
  "1.11.5",
  "1.12.1",
  "1.12.8",
  "1.14.7",
  "2.1.5",
  "2.2.5",
  "2.4.0",
];
const TYPES = ["sources", "sinks", "functions"] as const;

const sha256 = async (file: string) =>
  createHash("sha256")
    .update(await readFile(file))
    .digest("hex");

/** The files that are not this server's own records, which tests of these look at. */
async function leftovers(server: TestServer): Promise<string[]> {
  const known = /^plugins\/\.(changes|engine|incoming|versions)\/$|^etc\/\.(changes|versions)\/$|baseline\.json$/;
  const hidden = (await server.files()).filter((path) => /(^|\/)\.(?!lock$)/.test(path) || path.endsWith(".zip"));
  return hidden.filter((path) => !known.test(path) && !path.includes("/.versions/") && !path.endsWith("/handovers/"));
}

describe("a first install", () => {
  test.for(VERSIONS)("is live in an engine %s, for each type", async (version, { server, start }) => {
    const engine = await start(version);
    for (const type of TYPES) {
      const contents = { type, name: "random", json: `{"about":{}}`, etc: { "more.txt": "x" } };
      const reply = await start.install(contents);
      expect([type, reply.status, reply.headers["plugin-activation"]]).toEqual([type, 201, "loaded"]);
      expect(reply.text).toBe(`${type} plugin random is created`);
      expect(await start.list(engine, type)).toEqual(["random"]);
      const entry = JSON.parse(await readFile(join(server.base, "plugins", "registry.json"), "utf8"));
      for (const { path, sha256: expected } of entry.plugins[type].random.files) {
        expect([path, await sha256(join(server.base, path))]).toEqual([path, expected]);
        expect((await stat(join(server.base, path))).nlink).toBe(1);
      }
    }
    expect(await leftovers(server)).toEqual([]);
    expect((await server.files()).filter((path) => /^data\/(sources|sinks|functions)/.test(path))).toEqual([]);
  });

  test("names its functions to the engine: those of the order, else those of its metadata", async ({ start }) => {
    const engine = await start("2.1.0");
    const registered = () => engine.asked.filter(({ path }) => path.endsWith("/register")).map(({ body }) => body);
    const json = JSON.stringify({ functions: [{ name: "resize" }, { name: "thumbnail" }] });
    await start.install({ type: "functions", name: "image", json });
    expect(registered()).toEqual(['{"functions":["resize","thumbnail"]}']);
    await start.install({ type: "functions", name: "other", json }, { functions: ["one", "two"] });
    expect(registered()[1]).toBe('{"functions":["one","two"]}');
    await start.install({ type: "functions", name: "broken", json: `{"functions":[{"name":"no name"},7]}` });
    await start.install({ type: "sinks", name: "image", json });
    expect(registered()).toHaveLength(2);
  });

  test("hands over files that have no other name, in a zip that another user can read", async ({ server, start }) => {
    const engine = await start("2.1.0");
    const seen: unknown[] = [];
    engine.intercept = ({ method, path, body }) => {
      if (method !== "POST" || path !== "/plugins/sources") return false;
      const { name, file } = JSON.parse(body);
      const zip = statSync(fileURLToPath(file));
      const folder = statSync(dirname(fileURLToPath(file)));
      const links = FILES.map((one) => statSync(join(server.base, one)).nlink);
      seen.push(name, ...links, (zip.mode & 0o777).toString(8), (folder.mode & 0o777).toString(8));
      return false;
    };
    await start.install({ type: "sources", name: "random" });
    expect(seen).toEqual(["random", 1, 1, "644", "755"]);
  });

  test("is a job's stage, and in its result", async ({ host, server, start }) => {
    await start("2.1.0");
    const body = { name: "random", file: host.serveZip({ type: "sinks", name: "random" }) };
    const headers = { prefer: "respond-async, wait=60" };
    await send(`${server.url}/plugins/sinks`, { method: "POST", body, headers });
    const [job] = JSON.parse((await send(`${server.url}/jobs`)).text);
    expect(job).toMatchObject({
      stage: "activate",
      percent: 100,
      result: { headers: { "plugin-activation": "loaded" } },
    });
  });
});

describe("a restart is required", () => {
  test("after an update and a rollback: the engine can't unload a plugin", async ({ host, server, start }) => {
    const engine = await start("2.1.0");
    await start.install({ type: "sinks", name: "random", version: "1.0.0" });
    const installs = () => engine.asked.filter(({ method }) => method === "POST").length;
    const before = installs();
    const url = `${server.url}/plugins/sinks/random`;
    const body = { file: host.serveZip({ type: "sinks", name: "random", version: "2.0.0" }) };
    for (const [method, address, sent] of [
      ["PUT", url, body],
      ["POST", `${url}/rollback`, {}],
    ] as const) {
      const { headers } = await send(address, { method, body: sent });
      expect(headers["plugin-activation"]).toMatch(/^restart-required/);
    }
    expect(installs()).toBe(before);
  });

  test("for a name of which its process has another version", async ({ server, start }) => {
    const engine = await start("2.1.0");
    await start.install({ type: "sinks", name: "random", version: "1.0.0" });
    await send(`${server.url}/plugins/sinks/random`, { method: "DELETE" });
    await server.start({ ENGINE__URL: engine.url, ENGINE__VERIFY: "off" }); // a deleted name is free after a restart
    const reply = await start.install({ type: "sinks", name: "random", version: "2.0.0" });
    expect(reply.headers["plugin-activation"]).toMatch(/^restart-required; reason="the engine has another version/);
    await engine.restart();
    const second = await start.install({ type: "sinks", name: "second" });
    expect(second.headers["plugin-activation"]).toBe("loaded");
  });

  test("where engine.activate is false, and the engine is not asked", async ({ start }) => {
    const engine = await start("2.1.0", { ENGINE__ACTIVATE: "false" });
    const reply = await start.install({ type: "sinks", name: "random" });
    expect([reply.status, reply.headers["plugin-activation"]]).toEqual([201, "restart-required"]);
    expect(engine.asked.filter(({ method }) => method === "POST")).toEqual([]);
  });

  test("for a .so that the engine can't load and has removed: it is put back", async ({ server, start }) => {
    const engine = await start("2.1.0");
    const soContent = `\x7fELF ${DOES_NOT_LOAD} no such symbol`;
    const reply = await start.install({ type: "sources", name: "random", soContent });
    expect(reply.status).toBe(201);
    expect(reply.headers["plugin-activation"]).toMatch(/^restart-required; reason="the engine refuses it: .*Random/);
    expect(await readFile(join(server.base, "plugins/sources/Random@v1.0.0.so"), "utf8")).toBe(soContent);
    expect(await start.list(engine, "sources")).toEqual([]);
    expect(await leftovers(server)).toEqual([]);
  });
});

describe("the plugin is whole, whatever the engine does:", () => {
  const [so, yaml] = FILES;
  const cut = (base: string, file: string) => truncateSync(join(base, file), statSync(join(base, file)).size / 2);
  const remove = (base: string, file: string) => rmSync(join(base, file));
  const removeAll = (base: string) => {
    for (const file of FILES) remove(base, file);
  };
  const answer = (status: number, text: string) => (response: ServerResponse) =>
    void response.writeHead(status).end(text);
  const reset = (response: ServerResponse) => void response.socket?.destroy();
  const ANSWERS: [string, (base: string) => void, (response: ServerResponse) => void, RegExp][] = [
    ["it dies with half a .so", (base) => cut(base, so), reset, /can't be reached/],
    ["it dies with half a yaml", (base) => cut(base, yaml), reset, /can't be reached/],
    ["it dies with an empty .so", (base) => truncateSync(join(base, so), 0), reset, /can't be reached/],
    ["it dies before it writes", () => {}, reset, /can't be reached/],
    ["it removes all and fails", removeAll, answer(500, "boom"), /boom/],
    ["it removes all and dies", removeAll, reset, /can't be reached/],
    ["it refuses the name", () => {}, answer(400, '{"error":1000,"message":"duplicate"}'), /duplicate"$/],
    [
      "it answers with garbage",
      (base) => cut(base, so),
      (response) => void response.socket?.end("?\n\n"),
      /what is no HTTP/,
    ],
    ["it answers with no end", (base) => cut(base, so), answer(200, "x".repeat(5000)), /more than 4096 bytes/],
    ["it refuses with unprintable words", () => {}, answer(400, "n\u00f6\r\n\u0007"), /refuses it: n\? \\\\u0007"$/],
    ["it writes another .so", (base) => writeFileSync(join(base, so), "other"), answer(201, ""), /wrote another/],
  ];

  test.for(ANSWERS)("%s", async ([, damage, respond, reason], { server, start }) => {
    const engine = await start("2.1.0", { ENGINE__MAXREPLYBYTES: "4096" });
    engine.intercept = ({ method, path }, response) => {
      if (method !== "POST" || path !== "/plugins/sources") return false;
      damage(server.base);
      respond(response);
      return true;
    };
    const reply = await start.install({ type: "sources", name: "random" });
    expect(reply.status).toBe(201);
    expect(reply.headers["plugin-activation"]).toMatch(/^restart-required; reason="[ -~]+"$/);
    expect(reply.headers["plugin-activation"]).toMatch(reason);
    await expectWhole(server);
    await engine.restart();
    expect(await start.list(engine, "sources")).toEqual(["random"]);
  });

  test("it does not answer", async ({ server, start }) => {
    const engine = await start("2.1.0", { ENGINE__TIMEOUTSECONDS: "1" });
    engine.intercept = ({ method, path }) => {
      if (method !== "POST" || path !== "/plugins/sources") return false;
      removeAll(server.base);
      return true;
    };
    const reply = await start.install({ type: "sources", name: "random" });
    expect(reply.headers["plugin-activation"]).toMatch(/does not answer within 6 s/);
    await expectWhole(server);
    // It goes on after that, and fails: the next start of this server finds what it did.
    removeAll(server.base);
    await server.start({ ENGINE__URL: engine.url, ENGINE__VERIFY: "off" });
    await expectWhole(server);
    expect((await send(`${server.url}/plugins/sources`)).text).toBe('["random"]');
  });

  test("it is down", async ({ server, start }) => {
    const engine = await start("2.1.0");
    await engine.stop();
    const reply = await start.install({ type: "sources", name: "random" });
    expect([reply.status, reply.headers["plugin-activation"]]).toEqual([201, expect.stringMatching(/engine\.url/)]);
    await expectWhole(server);
  });

  test("a user's edit meanwhile stays", async ({ server, start }) => {
    const engine = await start("2.1.0");
    engine.intercept = ({ method, path }) => {
      if (method === "POST" && path === "/plugins/sources") writeFileSync(join(server.base, yaml), "edited: 1\n");
      return false;
    };
    const reply = await start.install({ type: "sources", name: "random" });
    expect(reply.headers["plugin-activation"]).toBe("loaded");
    expect(await readFile(join(server.base, yaml), "utf8")).toBe("edited: 1\n");
  });
});

/** Each file of the plugin is that of its zip, as the registry has it. */
async function expectWhole(server: TestServer): Promise<void> {
  const registry = JSON.parse(await readFile(join(server.base, "plugins", "registry.json"), "utf8"));
  const { files } = registry.plugins.sources.random;
  expect(files.map(({ path }: { path: string }) => path).sort()).toEqual([...FILES].sort());
  for (const { path, sha256: expected } of files) {
    expect([path, await sha256(join(server.base, path))]).toEqual([path, expected]);
  }
}
