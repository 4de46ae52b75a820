import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { plugin } from "../inspect/kit.ts";
import { AMD64 } from "../support/elf.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { buildForm, FORM_HEADERS } from "../support/form.ts";
import { goTypes } from "../support/go-types.ts";
import { post, send } from "../support/http-client.ts";
import { inFrontTest } from "../support/in-front.ts";
import { type PluginContents, pluginZip } from "../support/plugin-zip.ts";
import { makeSigner, writeTrusted } from "../support/signing.ts";
import { envelopeOf, statementOf, toBytes } from "../support/statements.ts";

/** Which plugin a zip is of is found out, and what an install would do to what is there is said before. */

const goPlugin = (kind: "func" | "sink" | "variable") => plugin({ types: goTypes(AMD64, { Random: kind }) });
const SINK = { type: "sinks", name: "random", soContent: goPlugin("sink") } as const;
const ZIP_HEADERS = { "content-type": "application/zip" };

const test = stoppedServerTest
  /** Sends the zip as the body; the answer's status, and its JSON or text. */
  .extend("inspect", ({ server }) => async (contents: PluginContents | Buffer, query = "") => {
    const body = Buffer.isBuffer(contents) ? contents : pluginZip(contents);
    const url = `${server.url}/plugins/inspect${query}`;
    const { status, text } = await send(url, { method: "POST", body, headers: ZIP_HEADERS });
    return { status, report: status === 200 ? JSON.parse(text) : text };
  });

describe("which plugin a zip is of", () => {
  test("is read from its .so, whatever else is in it", async ({ server, inspect }) => {
    await server.start();
    const rows = [
      [SINK, "sinks"],
      [{ ...SINK, yaml: "a: 1\n" }, "sinks"],
      [{ ...SINK, type: "sources", soContent: goPlugin("func") }, "sources"],
      [{ ...SINK, type: "sources", soContent: goPlugin("variable") }, "sources"],
    ] as const;
    for (const [contents, type] of rows) {
      const { status, report } = await inspect(contents);
      expect([status, report.type, report.name, report.version]).toEqual([200, type, "random", "1.0.0"]);
    }
  });

  test("is guessed by the yaml that a source needs, where the .so does not tell", async ({ server, inspect }) => {
    await server.start();
    const text = { name: "echo", soContent: "no program" };
    expect((await inspect({ ...text, type: "sources" })).report).toMatchObject({
      type: "sources",
      verdict: "incompatible",
    });
    const guessed = (await inspect({ ...text, type: "functions" })).report;
    expect(guessed).toMatchObject({ type: "functions", typeGuessed: true, name: "echo" });
    const told = [
      await inspect(SINK),
      await inspect({ ...text, type: "sources" }),
      await inspect({ ...text, type: "functions" }, "?type=sinks"),
    ];
    for (const { report } of told) expect(report).not.toHaveProperty("typeGuessed");
  });

  test("can be said in the request, by its functions too", async ({ server, host, inspect }) => {
    await server.start();
    expect((await inspect(SINK, "?type=functions")).report.type).toBe("functions");
    expect((await inspect({ ...SINK, soContent: "no program", yaml: "a: 1\n" }, "?functions=a")).report.type).toBe(
      "functions",
    );
    const file = host.serveZip({ ...SINK, files: { "Other.so": "another" } });
    const [status, text] = await post(`${server.url}/plugins/inspect`, { name: "random", file });
    expect([status, JSON.parse(text).name]).toEqual([200, "random"]);
  });

  test("takes a zip, a form or an address", async ({ server, host, inspect }) => {
    await server.start();
    const url = `${server.url}/plugins/inspect`;
    const form = buildForm([{ name: "file", fileName: "a.zip", content: pluginZip(SINK) }]);
    const answers = [
      (await inspect(SINK)).report,
      JSON.parse((await send(url, { method: "POST", body: form, headers: FORM_HEADERS })).text),
      JSON.parse((await post(url, { file: host.serveZip(SINK) }))[1]),
    ];
    expect(answers).toMatchObject(answers.map(() => ({ type: "sinks", name: "random" })));
  });

  test("is asked for where a zip does not tell", async ({ server, inspect }) => {
    await server.start();
    const failed = async (contents: PluginContents | Buffer, query = "") => {
      const { status, report } = await inspect(contents, query);
      expect(status).toBe(400);
      return report;
    };
    expect(await failed({ ...SINK, files: { "Other.so": "another" } })).toMatch(
      /^plugins inspect command error: fail to unzip file upload: .*2 \.so files at its root; say in "name" which plugin it is\n$/,
    );
    expect(await failed({ ...SINK, soContent: null })).toContain("no .so at its root");
    expect(await failed(SINK, "?type=portables")).toContain("field type should be one of sources, sinks, functions");
    expect(await failed(SINK, "?name=Random")).toContain("invalid name Random");
    expect(await failed(Buffer.from("PK\x03\x04, and no zip"))).toContain("not a valid zip file");
    expect(await failed({ ...SINK, type: "sources", soContent: goPlugin("func"), yaml: null })).toContain(
      "a source should have random.yaml at the root of its zip",
    );
    expect((await server.files()).filter((path) => /\.changes\/.|\.incoming\/./.test(path))).toEqual([]);
  });

  test("is what a signed statement has to name", async ({ server, folder, inspect }) => {
    await server.start({ TRUST__REQUIRESTATEMENT: "true" });
    const signer = makeSigner(folder, "ecdsa");
    await writeTrusted(join(server.base, "etc/trust/vendor.pub"), signer.publicPem);
    const zip = pluginZip(SINK);
    const stated = (type: string) => {
      const statement = statementOf(zip, { type, name: "random" });
      const bytes = toBytes(envelopeOf(statement, signer));
      return `?statement=${encodeURIComponent(bytes.toString("base64"))}`;
    };
    const good = await inspect(zip, stated("sinks"));
    expect(good.report.signature).toEqual({ state: "verified", by: "vendor.pub" });
    expect((await inspect(zip, stated("functions"))).status).toBe(400);
    expect((await inspect(zip)).report).toContain("trust.requireStatement");
  });
});

describe("what an install would do", () => {
  test("is said of each file, of what is installed and of install.sh", async ({ server, host, inspect }) => {
    await server.start();
    const contents = { type: "sources", name: "random", soContent: goPlugin("func"), etc: { "a.txt": "abc" } } as const;
    const first = (await inspect({ ...contents, script: "echo 'hello'\n" })).report;
    expect(first).toMatchObject({ installed: null, script: true, scriptText: "echo 'hello'\n" });
    expect(first.files.map(({ replaces }: { replaces: boolean }) => replaces)).toEqual([false, false, false]);
    await post(`${server.url}/plugins/sources`, { name: "random", file: host.serveZip(contents) });

    const next = (await inspect({ ...contents, version: "2.0.0" })).report;
    expect(next).toMatchObject({ installed: { version: "1.0.0" }, script: false, signature: { state: "not-asked" } });
    expect(next).not.toHaveProperty("scriptText");
    expect(next.files).toEqual([
      { path: "plugins/sources/Random@v2.0.0.so", bytes: goPlugin("func").length, replaces: false },
      { path: "etc/sources/random.yaml", bytes: expect.any(Number), replaces: true },
      { path: "etc/sources/random/a.txt", bytes: 3, replaces: true },
    ]);
    const installed = JSON.parse((await send(`${server.url}/plugins/sources/random`)).text);
    expect(installed.files.map(({ path }: { path: string }) => path)).toEqual([
      "plugins/sources/Random@v1.0.0.so",
      "etc/sources/random.yaml",
      "etc/sources/random/a.txt",
    ]);
  });

  test("is said by the inspection of a type, too, which needs a name", async ({ server, host }) => {
    await server.start();
    const file = host.serveZip(SINK);
    const [status, text] = await post(`${server.url}/plugins/sinks/inspect`, { name: "random", file });
    expect([status, JSON.parse(text)]).toMatchObject([
      200,
      { type: "sinks", installed: null, files: [{ replaces: false }], signature: { state: "not-asked" } },
    ]);
    expect((await post(`${server.url}/plugins/sinks/inspect`, { file }))[0]).toBe(400);
  });

  test("a long install.sh is cut after 64 KiB", async ({ server, inspect }) => {
    await server.start();
    const { report } = await inspect({ ...SINK, script: `# ${"x".repeat(100_000)}\n` });
    expect(report.scriptText.length).toBe(64 * 1024);
  });

  test("the audit has the request, as far as it said which plugin", async ({ server, inspect }) => {
    await server.start();
    await inspect(SINK);
    await inspect(SINK, "?type=sinks&name=random");
    expect(server.logged.filter(({ msg }) => msg === "audit")).toMatchObject([
      { action: "inspect", plugin: { type: "", name: "" }, result: "done" },
      { action: "inspect", plugin: { type: "sinks", name: "random" }, result: "done" },
    ]);
  });
});

describe("the signature in the list of plugins", () => {
  test("is asked for where there is a key", async ({ server, folder, host }) => {
    await server.start();
    const signer = makeSigner(folder, "ecdsa");
    const zip = pluginZip(SINK);
    await writeFile(join(folder, "signed.zip"), zip);
    const signature = signer.sign(join(folder, "signed.zip")).toString("base64");
    const list = async () => {
      const plugins: { name: string; signature: object }[] = JSON.parse((await send(`${server.url}/plugins`)).text);
      return plugins.map(({ name, signature }) => [name, signature]);
    };
    await post(`${server.url}/plugins/sinks`, { name: "file", file: host.serveZip({ type: "sinks", name: "file" }) });
    expect(await list()).toEqual([["file", { state: "not-asked" }]]);
    await writeTrusted(join(server.base, "etc/trust/vendor.pub"), signer.publicPem);
    const file = host.serve("/signed.zip", zip);
    expect((await post(`${server.url}/plugins/sinks`, { name: "random", file, signature }))[0]).toBe(201);
    expect(await list()).toEqual([
      ["file", { state: "unsigned" }],
      ["random", { state: "verified", by: "vendor.pub" }],
    ]);
  });
});

describe("in front of an engine", () => {
  const front = inFrontTest("2.1.0");

  front("the inspection is ours", async ({ server, engine, start, host }) => {
    await start();
    const [status, text] = await post(`${server.url}/plugins/inspect`, { file: host.serveZip(SINK) });
    expect([status, JSON.parse(text).type]).toEqual([200, "sinks"]);
    expect((await send(`${server.url}/plugins/inspect`)).status).toBe(405);
    expect(engine.asked.filter(({ path }) => path.includes("inspect"))).toEqual([]);
  });
});
