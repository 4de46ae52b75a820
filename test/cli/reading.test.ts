import { writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { post } from "../support/http-client.ts";
import { RawEngine } from "../support/raw-engine.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";
import { CONTROLS, run, cliTest as test } from "./kit.ts";

test("lists of nothing say so", async ({ cli }) => {
  const said = async (...words: string[]) => (await cli(...words)).stderr;
  expect(await said("list")).toBe(
    "no plugin is installed; kuiper-plugins available shows what the plugin hosts offer\n",
  );
  expect(await said("jobs")).toBe("there are no jobs yet\n");
  expect(await said("jobs", "--state", "failed")).toBe("no job is failed\n");
});

describe("list and show", () => {
  test.beforeEach(async ({ server, host }) => {
    for (const [type, name] of [
      ["sinks", "file"],
      ["sources", "random"],
    ] as const) {
      const body = {
        name,
        file: host.serveZip({ type, name, soContent: type === "sinks" ? "no program" : Buffer.from("x") }),
      };
      await post(`${server.url}/plugins/${type}`, body);
    }
  });

  test("a table without escape codes, with verdicts in words", async ({ cli }) => {
    const { status, stdout, stderr } = await cli("list");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^TYPE {5}NAME {4}VERSION {2}VERDICT .*\nsources {2}random {2}1\.0\.0 {4}will not load {2}http.*\nsinks +file +1\.0\.0 +will not load .*\n$/,
    );
    expect(stdout).not.toContain("\x1b");
  });

  test("filters", async ({ cli }) => {
    expect((await cli("list", "--type", "sinks")).stdout.split("\n")).toHaveLength(3);
    expect(await cli("list", "--verdict", "compatible")).toEqual({
      status: 0,
      stdout: "",
      stderr: "there are no such plugins\n",
    });
    expect((await cli("list", "--verdict", "fine")).status).toBe(2);
    expect(JSON.parse((await cli("list", "--type", "source", "--json")).stdout)).toMatchObject([
      { type: "sources", name: "random" },
    ]);
  });

  test("show has the problems, the files and the versions", async ({ cli }) => {
    const { stdout } = await cli("show", "file");
    expect(stdout).toMatch(/^plugin {6}sinks\/file\nversion {5}1\.0\.0\n/);
    expect(stdout).toMatch(/^verdict {5}will not load\n {12}NOT_ELF: .+$/m);
    expect(stdout).toMatch(/^files {7}plugins\/sinks\/File@v1\.0\.0\.so$/m);
    expect(stdout).toMatch(/^versions {4}1\.0\.0 \(id \w+\), installed$/m);
    expect(JSON.parse((await cli("show", "sinks/file", "--json")).stdout)).toMatchObject({
      type: "sinks",
      name: "file",
      versions: [{}],
    });
  });
});

describe("exit statuses", () => {
  test.for([
    [["nothing"], 2, /unknown command 'nothing'/],
    [["list", "--nonsense"], 2, /unknown option '--nonsense'/],
    [["show"], 2, /missing required argument 'plugin'/],
    [["show", "none"], 4, /no plugin none is installed; kuiper-plugins list shows/],
    [["show", "things/none"], 2, /there is no type things; there are sources, sinks, functions/],
    [["engine", "status"], 4, /stands in front of no engine: set engine\.url/],
    [["list", "--server", "ftp://x"], 2, /--server is ftp:\/\/x; it should be/],
    [["list", "--server", "http://joe:s3cret@localhost"], 2, /--server should have no user and password/],
    [["list", "--timeout", "0"], 2, /--timeout/],
    [["list", "--token-file", "/nothere"], 2, /--token-file \/nothere can't be read: no such file/],
    [["inspect", "/nothere.zip"], 3, /no such file or directory/],
    [["inspect", "--nonsense"], 3, /unknown option/],
  ] as const)("%j ends with %i", async ([args, status, sentence], { cli }) => {
    const ended = await cli(...args);
    expect(ended).toMatchObject({ status, stdout: "", stderr: expect.stringMatching(sentence) });
    expect(ended.stderr).toMatch(/^kuiper-plugins: [^\n]+\n/);
    expect(ended.stderr).not.toContain("s3cret");
  });

  test("3: no server; the sentence says what to do", async ({ cli }) => {
    const ended = await cli("list", "--server", "127.0.0.1:1");
    const sentence = "no server listens at http://127.0.0.1:1: start it, or name another address with --server";
    expect(ended).toEqual({ status: 3, stdout: "", stderr: `kuiper-plugins: ${sentence}\n` });
    const json = await cli("list", "--server", "127.0.0.1:1", "--json");
    expect(JSON.parse(json.stdout)).toEqual({ error: "UNREACHABLE", message: sentence, exitStatus: 3 });
  });

  test("3: a server that does not answer in time", async ({ cli }) => {
    await using silent = await RawEngine.start(() => {}, { own: true });
    const ended = await cli("list", "--server", silent.url, "--timeout", "0.2");
    expect(ended).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(/takes too long to answer: try again, or set --timeout/),
    });
  });
});

stoppedServerTest("5: no token, a wrong one, one for reading only", async ({ server, folder }) => {
  await server.start({ BASIC__AUTHENTICATION: "true" });
  const pair = makeKeyPair.EdDSA();
  await writeKey(join(server.base, "etc/mgmt/dashboard.pub"), pair.publicPem);
  const tokenFile = join(folder, "token");
  await writeFile(tokenFile, `${await signToken(pair, { scope: "read" })}\n`);
  const cli = (...args: string[]) => run(args, { server: server.url });
  expect(await cli("list")).toMatchObject({ status: 5, stderr: expect.stringContaining("with --token-file or") });
  expect((await cli("list", "--token-file", tokenFile)).status).toBe(0);
  const wrong = join(folder, "wrong");
  await writeFile(wrong, "abc\n");
  const refused = { status: 5, stderr: expect.stringMatching(/the token is refused: .*\n.*kuiper-plugins doctor/) };
  expect(await cli("list", "--token-file", wrong)).toMatchObject(refused);
  expect((await cli("remove", "sinks/file", "--yes", "--token-file", tokenFile)).status).toBe(5);
  const byVariable = await run(["list"], { server: server.url, env: { KUIPER_PLUGINS_TOKEN_FILE: tokenFile } });
  expect(byVariable.status).toBe(0);
});

/** What a hostile server, or a hostile plugin by way of an honest one, would say. */
const HOSTILE = "\x1b]0;owned\x07\x1b[2Jname\r\u0085\u202e\u2066x\u{e0041}";

test.for([
  ["list", []],
  ["list --json", ["--json"]],
] as const)("text from the server is no control of the terminal: %s", async ([, args], { cli }) => {
  const body = JSON.stringify([{ type: HOSTILE, name: HOSTILE, version: HOSTILE, verdict: HOSTILE, origin: HOSTILE }]);
  const answer: RequestListener = (_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(body);
  };
  await using server = await RawEngine.start(answer, { own: true });
  const { stdout, stderr } = await cli("list", "--server", server.url, ...args);
  expect(stdout).toContain("name");
  expect(stdout + stderr).not.toMatch(CONTROLS);
  if (args.length > 0) expect(JSON.parse(stdout)[0].name).toBe(HOSTILE);
});
