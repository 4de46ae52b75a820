import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { examine } from "../support/doctor.ts";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { deadUrl, RawEngine } from "../support/raw-engine.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { inSeconds, makeKeyPair, signToken } from "../support/tokens.ts";

let base: string;
beforeEach(async () => {
  base = await tempFolder();
});

describe("the engine's address", () => {
  const look = async (url: string, settings = {}) =>
    (await examine(base, { settings: { ENGINE__URL: url, ...settings } })).of("engine-url");

  async function startEngine(): Promise<EngineStandIn> {
    for (const folder of ["plugins/sources", "plugins/sinks", "plugins/functions", "plugins/portable", "etc"]) {
      await mkdir(join(base, folder), { recursive: true });
    }
    const engine = new EngineStandIn({ base, version: "2.1.0" });
    await engine.start();
    onTestFinished(() => engine.dispose());
    return engine;
  }

  test("where one answers, with its version", async () => {
    const { url } = await startEngine();
    expect(await look(url)).toEqual([`ok: the engine 2.1.0 answers at ${url}`, "ok: it asks for no token"]);
  });

  test("where nobody, or another program, answers", async () => {
    const dead = await deadUrl();
    expect(await look(dead)).toEqual([
      expect.stringMatching(/^failure: the engine does not answer at .* connection refused -> start it/),
    ]);
    await using other = await RawEngine.start((_, response) => void response.end("hello"), { own: true });
    expect(await look(other.url)).toEqual([
      expect.stringMatching(/^failure: what answers at .* is no engine \(200 OK\)/),
    ]);
    await using silent = await RawEngine.startTcp(() => {}, { own: true });
    expect(await look(silent.url, { ENGINE__TIMEOUTSECONDS: "0.1" })).toEqual([
      expect.stringMatching(/^failure: the engine does not answer at .* sent nothing for 0\.1 s/),
    ]);
  });

  test("that leads to a server like this one", async () => {
    const engine = await startEngine();
    const server = await ServerProcess.start({ base, settings: { ENGINE__URL: engine.url } });
    onTestFinished(() => server.dispose());
    expect(await look(await server.url())).toEqual([expect.stringMatching(/leads to this server itself/)]);
  });

  test("with a token that is missing, refused, expired or taken", async () => {
    const good = await signToken(makeKeyPair.RS256(), {}, "RS256");
    const exp = inSeconds(-60);
    const old = await signToken(makeKeyPair.RS256(), { exp }, "RS256");
    await using engine = await RawEngine.start(
      (request, response) => {
        if (request.url === "/") return void response.end('{"version":"1.14.0","upTimeSeconds":1}');
        response.writeHead(request.headers.authorization === good ? 200 : 401).end("[]");
      },
      { own: true },
    );
    const withToken = async (token: string) => {
      await writeFile(join(base, "token"), `${token}\n`);
      return (await look(engine.url, { ENGINE__TOKENFILE: "token" })).at(-1);
    };
    expect((await look(engine.url)).at(-1)).toBe(
      "failure: the engine asks for a token -> set engine.tokenFile to a file with one",
    );
    expect(await withToken(good)).toBe("ok: it takes the token of engine.tokenFile");
    expect(await withToken("other")).toMatch(/^failure: the engine refuses the token of engine\.tokenFile ->/);
    expect(await withToken(old)).toContain(`it has expired at ${new Date(exp * 1000).toISOString()}`);
    expect((await look(engine.url, { ENGINE__TOKENFILE: "gone" })).at(-1)).toMatch(
      /^failure: engine\.tokenFile gone can't be read/,
    );
  });
});

describe("the engine's binary", () => {
  const look = async (settings = {}) => (await examine(base, { settings })).of("engine-binary");

  test("that is nowhere, or not where the setting says", async () => {
    expect(await look()).toEqual([
      expect.stringMatching(/^warning: no verdict .*bin\/kuiperd, .*bin\/server -> set engine\.binary/),
    ]);
    expect(await look({ ENGINE__BINARY: "/opt/none" })).toEqual([
      expect.stringMatching(/^failure: .*\/opt\/none is not there/),
    ]);
  });

  test("that is no program of Go", async () => {
    expect(await look({ ENGINE__BINARY: process.execPath })).toEqual([
      expect.stringMatching(/^failure: .* is no Go program/),
    ]);
    await writeFile(join(base, "engine"), "text");
    expect(await look({ ENGINE__BINARY: "engine" })).toEqual([expect.stringMatching(/^failure: .* is no ELF file/)]);
  });

  test("is not looked at where nothing is compared", async () => {
    expect(await look({ ENGINE__VERIFY: "off" })).toEqual([expect.stringMatching(/^skipped: /)]);
  });
});

describe("the server's own address", () => {
  const look = (url: string, more = {}) =>
    examine(base, { settings: { BASIC__RESTPORT: new URL(url).port }, version: "0.1.0", ...more });

  test("nobody there, no server", async () => {
    expect((await look(await deadUrl())).of("port")).toEqual([
      expect.stringMatching(/^ok: nobody answers at .*, and no server runs$/),
    ]);
  });

  test("the server of these folders, and one that another version asks", async () => {
    const server = await ServerProcess.start({ base });
    onTestFinished(() => server.dispose());
    const url = await server.url();
    const findings = await look(url);
    expect(findings.of("lock")).toEqual([expect.stringContaining(`process ${server.pid}`)]);
    expect(findings.of("port")).toEqual([`ok: the server 0.1.0 answers at ${url}`]);
    expect((await look(url, { version: "9.9.9" })).of("port")).toEqual([
      expect.stringMatching(/^warning: the server at .* has the version 0\.1\.0, and this is 9\.9\.9/),
    ]);
    expect((await look(await deadUrl())).of("port")).toEqual([
      expect.stringMatching(/^warning: the server \(process \d+, user \d+\) runs, and nobody answers at /),
    ]);
  });

  test("a running server whose variables are others is told by their names", async () => {
    const server = await ServerProcess.start({ base, settings: { ENGINE__TOKENFILE: "s3cret", HTTP__ERRORS: "text" } });
    onTestFinished(() => server.dispose());
    const same = { ENGINE__TOKENFILE: "s3cret", HTTP__ERRORS: "text" };
    const pluginHosts = { BASIC__PLUGINHOSTS: "" };
    expect((await examine(base, { settings: { ...same, ...pluginHosts } })).of("environment")).toEqual([
      expect.stringMatching(/^warning: .* than this command: KUIPER__BASIC__PLUGINHOSTS ->/),
    ]);
    expect((await examine(base)).of("environment")).toEqual([
      expect.stringMatching(
        /^warning: .* KUIPER__BASIC__PLUGINHOSTS, KUIPER__ENGINE__TOKENFILE and KUIPER__HTTP__ERRORS -> run this with/,
      ),
    ]);
  });

  test("a server that asks for a token, of other folders", async () => {
    const server = await ServerProcess.start({ base: await tempFolder(), settings: { BASIC__AUTHENTICATION: "true" } });
    onTestFinished(() => server.dispose());
    expect((await look(await server.url())).of("port")).toEqual([
      expect.stringMatching(/^ok: the server answers at /),
      expect.stringMatching(/^warning: it is not seen to work on these folders/),
    ]);
  });

  test("the engine, or another program", async () => {
    for (const type of ["sources", "sinks", "functions", "portable"])
      await mkdir(join(base, "plugins", type), { recursive: true });
    const engine = new EngineStandIn({ base, version: "1.0.2" });
    await engine.start();
    onTestFinished(() => engine.dispose());
    expect((await look(engine.url)).of("port")).toEqual([
      expect.stringMatching(/^failure: the engine 1\.0\.2 has .* -> set basic\.restPort/),
    ]);
    await using other = await RawEngine.start((_, response) => void response.writeHead(404).end(), { own: true });
    expect((await look(other.url)).of("port")).toEqual([
      expect.stringMatching(/^failure: another program has .* \(404 Not Found\)/),
    ]);
    await using raw = await RawEngine.startTcp((socket) => void socket.end("SSH-2.0-x\r\n"), { own: true });
    expect((await look(raw.url)).of("port")).toEqual([expect.stringMatching(/^failure: another program has /)]);
  });
});
