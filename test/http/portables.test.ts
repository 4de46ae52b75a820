import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import { makeSigner, writeTrusted } from "../support/signing.ts";
import { buildZip, type ZipEntry } from "../support/zip.ts";

/** Portable plugins: the engine installs them, once this server has checked the zip. */

const entry = (name: string, data = "x"): ZipEntry => ({ name, data: Buffer.from(data) });
const DESCRIPTION = entry("mirror.json", '{"version":"v1.0.0","language":"python","executable":"mirror.py"}');
const ZIP = buildZip([DESCRIPTION, entry("mirror.py"), entry("sources/pyjson.yaml", "default: {}\n")]);
const sha256 = createHash("sha256").update(ZIP).digest("hex");
const SYMLINK = { name: "lib", data: Buffer.from("/etc"), externalAttributes: (0o120777 << 16) >>> 0 };

/** What the engine was given: the request's body, and the file behind its URL at that moment. */
interface Given {
  readonly method: string;
  readonly path: string;
  readonly body: { readonly name: string; readonly file: string; readonly shellParas?: readonly string[] };
  readonly content: Buffer;
  readonly mode: number;
}

const test = stoppedServerTest
  .extend("given", () => [] as Given[])
  .extend("answer", () => ({
    status: 201,
    text: "portable plugin mirror is created",
    type: "text/plain; charset=utf-8",
  }))
  .extend("engine", async ({ server, given, answer }, { onCleanup }) => {
    for (const type of ["sources", "sinks", "functions"])
      await mkdir(join(server.base, "plugins", type), { recursive: true });
    const engine = await new EngineStandIn({ base: server.base }).start();
    onCleanup(() => engine.dispose());
    engine.intercept = ({ method, path, body: text }, response) => {
      if (!path.startsWith("/plugins/portables") || !["POST", "PUT"].includes(method)) return false;
      const body = JSON.parse(text);
      const file = fileURLToPath(body.file);
      given.push({ method, path, body, content: readFileSync(file), mode: statSync(file).mode & 0o777 });
      response.writeHead(answer.status, { "content-type": answer.type }).end(answer.text);
      return true;
    };
    return engine;
  })
  .extend("start", ({ server, engine }) => (settings: Record<string, string> = {}) => {
    return server.start({ ENGINE__URL: engine.url, ...settings });
  })
  .extend(
    "portables",
    ({ server }) =>
      (rest = "") =>
        `${server.url}/plugins/portables${rest}`,
  )
  .extend("handed", ({ server }) => () => {
    return readdirSync(join(server.base, "plugins/.engine")).filter((name) => name.endsWith(".zip"));
  });

describe("a portable plugin", () => {
  test("is checked, and the engine is given the file that was checked", async ({
    start,
    portables,
    host,
    given,
    handed,
  }) => {
    await start();
    const file = host.serve("/mirror.zip", ZIP);
    expect(await post(portables(), { name: "mirror", file, sha256 })).toEqual([
      201,
      "portable plugin mirror is created",
    ]);
    expect(given).toMatchObject([
      { method: "POST", path: "/plugins/portables", body: { name: "mirror" }, mode: 0o644 },
    ]);
    expect(given[0]?.body.file).toMatch(/^file:\/\/\/.*\.zip$/);
    expect(given[0]?.content).toEqual(ZIP);
    expect(handed()).toEqual([]);
  });

  test("is where an engine from 2.4 on reads files alone, in its folder of uploads", async ({
    start,
    server,
    portables,
    host,
    given,
  }) => {
    const engine = await new EngineStandIn({ base: server.base, version: "2.4.0" }).start();
    await using _stopped = { [Symbol.asyncDispose]: () => engine.dispose() };
    await start({ ENGINE__URL: engine.url });
    engine.intercept = ({ method, path, body }, response) => {
      if (!path.startsWith("/plugins/portables") || method !== "POST") return false;
      const file = fileURLToPath(JSON.parse(body).file);
      given.push({
        method,
        path,
        body: JSON.parse(body),
        content: readFileSync(file),
        mode: statSync(file).mode & 0o777,
      });
      response.writeHead(201).end();
      return true;
    };
    expect((await post(portables(), { name: "mirror", file: host.serve("/mirror.zip", ZIP) }))[0]).toBe(201);
    const uploads = join(server.base, "data/uploads");
    expect(fileURLToPath(given[0]?.body.file ?? "").startsWith(`${uploads}/`)).toBe(true);
    expect(given).toMatchObject([{ content: ZIP, mode: 0o644 }]);
    expect(readdirSync(uploads)).toEqual([]);
  });

  test("can be sent with the request", async ({ start, portables, given }) => {
    await start();
    const { status } = await send(`${portables()}?name=mirror`, {
      method: "POST",
      headers: { "content-type": "application/zip" },
      body: ZIP,
    });
    expect(status).toBe(201);
    expect(given[0]?.content).toEqual(ZIP);
  });

  test("is updated the same way", async ({ start, portables, host, given }) => {
    await start();
    const file = host.serve("/mirror.zip", ZIP);
    expect((await send(portables("/mirror"), { method: "PUT", body: { name: "other", file } })).status).toBe(201);
    expect(given).toMatchObject([{ method: "PUT", path: "/plugins/portables/mirror", body: { name: "mirror" } }]);
  });

  test("gets the arguments of its install.sh", async ({ start, portables, host, given }) => {
    await start();
    const file = host.serve("/mirror.zip", buildZip([DESCRIPTION, entry("install.sh", "exit 0\n")]));
    await post(portables(), { name: "mirror", file, shellParas: ["a b"] });
    expect(given[0]?.body.shellParas).toEqual(["a b"]);
  });

  test("may be refused by the engine, in its words", async ({ start, portables, host, answer, server, handed }) => {
    await start();
    const text = '{"error":1000,"message":"portables plugins create command error: duplicate"}\n';
    Object.assign(answer, { status: 400, text });
    const file = host.serve("/mirror.zip", ZIP);
    const reply = await send(portables(), { method: "POST", body: { name: "mirror", file } });
    expect(reply).toMatchObject({ status: 400, text, headers: { "content-type": "text/plain; charset=utf-8" } });
    const lines = server.logged.filter(({ msg }) => msg === "audit");
    expect(lines).toMatchObject([
      { action: "install", plugin: { type: "portables", name: "mirror" }, result: "ENGINE_REFUSED" },
    ]);
    expect(handed()).toEqual([]);
  });

  test("is not installed by an engine that is down", async ({ start, portables, host, engine, handed }) => {
    await start();
    await engine.stop();
    const file = host.serve("/mirror.zip", ZIP);
    const [status, text] = await post(portables(), { name: "mirror", file });
    expect(status).toBe(502);
    expect(text).toContain("(engine.url) can't be reached");
    expect(handed()).toEqual([]);
  });
});

describe("the engine is not given", () => {
  test.for([
    ["a path that leads out", [DESCRIPTION, entry("../../etc/passwd")], "its path leads out of the folder (..)"],
    ["an absolute path", [DESCRIPTION, entry("/etc/passwd")], "its path is absolute"],
    ["a link", [DESCRIPTION, SYMLINK], "it is a symbolic link"],
    [
      "two files of one name",
      [DESCRIPTION, entry("a.py", "1"), entry("a.py", "2")],
      "there are two entries of that name",
    ],
    ["two descriptions", [DESCRIPTION, entry("Mirror.json", "{}")], "there are two entries of that name"],
    ["no description", [entry("mirror.py")], "a portable plugin should have mirror.json at the root of its zip"],
    ["arguments for no install.sh", [DESCRIPTION], "have shell parameters : [x] but no install.sh file"],
  ] as [string, ZipEntry[], string][])("%s", async ([what, entries, reason], { start, portables, host, given }) => {
    await start();
    const file = host.serve("/mirror.zip", buildZip(entries));
    const shellParas = what.startsWith("arguments") ? ["x"] : [];
    const [status, text] = await post(portables(), { name: "mirror", file, shellParas });
    expect(text).toContain(`portables plugins create command error: fail to unzip file ${file}: `);
    expect(text).toContain(reason);
    expect(status).toBe(400);
    expect(given).toEqual([]);
  });

  test("another file than was requested", async ({ start, portables, host, given }) => {
    await start();
    const file = host.serve("/mirror.zip", ZIP);
    const [status, text] = await post(portables(), { name: "mirror", file, sha256: "0".repeat(64) });
    expect([status, text]).toEqual([400, expect.stringContaining(`its sha256 is ${sha256}`)]);
    expect(given).toEqual([]);
  });

  test("one from a host that is not listed", async ({ start, portables, host, given }) => {
    await start({ PLUGINDOWNLOAD__ALLOWEDHOSTS: "plugins.example" });
    const file = host.serve("/mirror.zip", ZIP);
    expect((await post(portables(), { name: "mirror", file }))[0]).toBe(400);
    expect(given).toEqual([]);
  });

  test("an install.sh where scripts are forbidden", async ({ start, portables, host, given }) => {
    await start({ INSTALLSCRIPT__ENABLED: "false" });
    const file = host.serve("/mirror.zip", buildZip([DESCRIPTION, entry("install.sh", "exit 0\n")]));
    const [status, text] = await post(portables(), { name: "mirror", file });
    expect([status, text]).toEqual([400, expect.stringContaining("install.sh is forbidden by installScript.enabled")]);
    expect(given).toEqual([]);
  });

  test("one that is not signed where that is required", async ({ start, server, folder, portables, host, given }) => {
    await start({ TRUST__REQUIRE: "true" });
    const vendor = await makeSigner(folder, "ecdsa");
    await writeTrusted(join(server.base, "etc/trust/vendor.pub"), vendor.publicPem);
    const file = host.serve("/mirror.zip", ZIP);
    const [status, text] = await post(portables(), { name: "mirror", file });
    expect([status, text]).toEqual([400, expect.stringContaining("trust.require refuses plugins without one")]);
    expect(given).toEqual([]);
  });

  test.for(["", "../x", ".hidden", "a/b", "x".repeat(101)])(
    "the name %j",
    async (name, { start, portables, host, given }) => {
      await start();
      const file = host.serve("/mirror.zip", ZIP);
      expect(await post(portables(), { name, file })).toEqual([400, expect.stringContaining("invalid name")]);
      expect(given).toEqual([]);
    },
  );
});

describe("without an engine", () => {
  test("there are none", async ({ server, portables }) => {
    await server.start();
    expect(await ask(portables())).toEqual([200, "[]"]);
  });

  test.for([
    ["POST", ""],
    ["GET", "/mirror"],
    ["PUT", "/mirror"],
    ["DELETE", "/mirror"],
    ["GET", "/mirror/status"],
  ] as const)("%s %s says what to set", async ([method, rest], { server, portables }) => {
    await server.start();
    expect(await ask(portables(rest), { method })).toEqual([
      501,
      "portable plugins are run by the engine, and this server stands alone: set engine.url to the engine's address\n",
    ]);
  });
});
