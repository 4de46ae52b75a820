import http from "node:http";
import { describe, expect } from "vitest";
import { PLUGIN_TYPES } from "../../src/domain/plugin.ts";
import { sharedServerTest } from "../support/fixtures.ts";
import { ask, post, remove, send } from "../support/http-client.ts";

/** The table "Requests and replies" of the behaviour page, row by row. */

const JSON_TYPE = expect.stringMatching(/^application\/json(; charset=utf-8)?$/);

const test = sharedServerTest();

describe.each(PLUGIN_TYPES)("%s", (type) => {
  const typeTest = test
    .extend("at", ({ server }) => (name: string) => {
      return `${server.url}/plugins/${type}${name}`;
    })
    .extend("installed", ({ host, at }) => async (name: string) => {
      const file = host.serveZip({ type, name, version: "1.0.0" });
      expect(await post(at(""), { name, file })).toEqual([201, `${type} plugin ${name} is created`]);
    });

  typeTest("are listed as a sorted array, empty at first", async ({ at, installed }) => {
    const { status, headers, text } = await send(at(""));
    expect([status, headers["content-type"], text]).toEqual([200, JSON_TYPE, "[]"]);

    for (const name of ["zebra", "ant", "mUle", "m_2"]) await installed(name);
    expect(await ask(at(""))).toEqual([200, '["ant","mUle","m_2","zebra"]']);
  });

  typeTest("are described with name and version first", async ({ at, installed }) => {
    await installed("described");
    const { status, headers, text } = await send(at("/described"));
    expect([status, headers["content-type"]]).toEqual([200, JSON_TYPE]);
    expect(text).toMatch(/^\{"name":"described","version":"1.0.0"/);
  });

  typeTest("are created with a text without a line end", async ({ at, host }) => {
    const file = host.serveZip({ type, name: "made" });
    const { status, headers, text } = await send(at(""), { method: "POST", body: { name: "made", file } });
    expect([status, text]).toEqual([201, `${type} plugin made is created`]);
    expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
  });

  typeTest("are created with the name trimmed", async ({ at, host }) => {
    const file = host.serveZip({ type, name: "trimmed" });
    expect(await post(at(""), { name: " \ttrimmed\n", file })).toEqual([201, `${type} plugin trimmed is created`]);
    expect((await ask(at("/trimmed")))[0]).toBe(200);
  });

  typeTest("are deleted, not listed any more, and described with 404", async ({ at, installed }) => {
    await installed("gone");
    const { status, headers, text } = await send(at("/gone"), { method: "DELETE" });
    const said = `${type} plugin gone is deleted and Kuiper must restart for the change to take effect.`;
    expect([status, text, headers["content-type"]]).toEqual([200, said, "text/plain; charset=utf-8"]);
    expect((await ask(at("")))[1]).not.toContain("gone");
    expect(await ask(at("/gone"))).toEqual([404, `describe ${type} plugin gone error: not found\n`]);
    expect(await remove(at("/gone"))).toEqual([
      404,
      `delete ${type} plugin gone error: invalid name gone: not exist\n`,
    ]);
  });

  typeTest("that are unknown are 404", async ({ at }) => {
    expect(await ask(at("/none"))).toEqual([404, `describe ${type} plugin none error: not found\n`]);
    expect(await remove(at("/none"))).toEqual([
      404,
      `delete ${type} plugin none error: invalid name none: not exist\n`,
    ]);
  });

  typeTest("of one type are not those of another", async ({ at, installed, server }) => {
    await installed("single");
    for (const other of PLUGIN_TYPES.filter((candidate) => candidate !== type)) {
      const url = `${server.url}/plugins/${other}/single`;
      expect(await ask(url)).toEqual([404, `describe ${other} plugin single error: not found\n`]);
    }
    await remove(at("/single"));
  });
});

describe("versions", () => {
  test.for([
    ["Random@v1.0.0.so", "1.0.0"],
    ["random@v1.0.0.so", "1.0.0"],
    ["Random@20200331.so", "20200331"],
    ["Random@vv2.so", "v2"],
    ["Random@v1..0.so", "1..0"],
    ["Random@v.so", ""],
    ["Random.so", ""],
    ["random.so", ""],
  ] as const)("%s is %j", async ([soName, version], { startServer, host }) => {
    const fresh = await startServer();
    const file = host.serveZip({ type: "sinks", name: "random", soName });
    expect((await post(`${fresh.url}/plugins/sinks`, { name: "random", file }))[0]).toBe(201);
    const { text } = await send(`${fresh.url}/plugins/sinks/random`);
    expect(JSON.parse(text)).toMatchObject({ name: "random", version, soFile: soName });
    expect(await fresh.files()).toContain(`plugins/sinks/${soName}`);
  });
});

/** The engine lists these and never finds them. */
test.for(["Random@.so", "Random@v1@2.so", "Random@v1.so.so", "Random@v1.sofa.so", "Random@1.0.so.so", "random@@v1.so"])(
  "%s is refused",
  async (soName, { startServer, host }) => {
    const fresh = await startServer();
    const file = host.serveZip({ type: "sinks", name: "random", soName });
    const [status, text] = await post(`${fresh.url}/plugins/sinks`, { name: "random", file });
    expect([status, text]).toEqual([
      400,
      expect.stringContaining("name it Random.so, or Random@<version>.so with one @"),
    ]);
    expect(await fresh.files()).not.toContain(`plugins/sinks/${soName}`);
  },
);

describe("the server itself", () => {
  test.for(["GET", "POST"])("%s / says what it is", async (method, { server }) => {
    const { status, headers, text } = await send(`${server.url}/`, { method });
    expect([status, headers["content-type"]]).toEqual([200, JSON_TYPE]);
    expect(Object.entries(JSON.parse(text))).toEqual([
      ["version", "0.0.0-test"],
      ["os", process.platform],
      ["upTimeSeconds", expect.any(Number)],
    ]);
    expect(Number.isInteger(JSON.parse(text).upTimeSeconds)).toBe(true);
  });

  test("POST / takes any body", async ({ server }) => {
    expect((await post(`${server.url}/`, "{not json"))[0]).toBe(200);
  });

  test("GET /ping is 200 and empty", async ({ server }) => {
    const { status, headers, text } = await send(`${server.url}/ping`);
    expect([status, headers["content-length"], text]).toEqual([200, "0", ""]);
  });

  test("an unknown path is a 404 in plain text", async ({ server }) => {
    const { status, headers, text } = await send(`${server.url}/nothing/here`);
    expect([status, headers["content-type"], text]).toEqual([404, "text/plain; charset=utf-8", "404 page not found\n"]);
  });

  test("a connection serves many requests", async ({ server }) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    try {
      let sockets = 0;
      server.app.server.on("connection", () => {
        sockets += 1;
      });
      for (const path of ["/ping", "/plugins/sources", "/plugins/sources/none", "/nothing"]) {
        const { headers } = await send(server.url + path, { agent });
        expect(headers.connection).toBe("keep-alive");
      }
      expect((await send(`${server.url}/plugins/sources`, { agent, method: "POST", body: "{" })).status).toBe(400);
      expect((await send(`${server.url}/ping`, { agent })).status).toBe(200);
      expect(sockets).toBe(1);
    } finally {
      agent.destroy();
    }
  });
});
